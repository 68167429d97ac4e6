"As benchmarks/first_model.py, but plain fastai gets all of its 10 times our seconds, with each of three rates: about fifteen minutes."
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from first_model import main

if __name__ == '__main__':
    print('about fifteen minutes ...', flush=True)
    main(wall=None)
