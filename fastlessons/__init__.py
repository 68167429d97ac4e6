"A Jupyter companion to a deep-learning course: small tools, each exported by the lesson that explains it."
__version__ = "0.2.0"
