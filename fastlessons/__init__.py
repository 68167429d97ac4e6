"A Jupyter companion to a deep-learning course: small tools, each exported by the lesson that explains it."
import os
__version__ = "0.2.0"
# PyTorch's threads wait for each other by spinning, for so long that another program on the same core stops both (GNU OpenMP, read when torch is imported: workshop/loading.ipynb)
os.environ.setdefault('GOMP_SPINCOUNT', '10000')
