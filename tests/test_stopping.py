"""The real signal of Ctrl-C, in a process of its own: a notebook's test can't send it."""
import os, subprocess, sys

SCRIPT = '''
import warnings; warnings.filterwarnings('ignore')
import os, signal, sys
from fastai.callback.core import Callback
from fastlessons.finetuning import learner
from fastlessons.mushrooms import mushroom_dls
from fastlessons.saving import load_model, save_model

class PressStop(Callback):
    def after_batch(self):
        if self.training and self.epoch == 1 and self.iter == 1: signal.raise_signal(signal.SIGINT)

learn = learner(mushroom_dls(size=32))
with learn.no_bar(), learn.no_logging():
    try: learn.fit_one_cycle(4, 1e-3, cbs=PressStop())
    except KeyboardInterrupt as e: print('said:', e)
    print('epochs', len(learn.recorder.values))
    save_model(learn, sys.argv[1])
    again = load_model(sys.argv[1], learn.dls)
    with again.no_bar(), again.no_logging(): again.fit_one_cycle(1, 1e-3)
print('went on')
'''


def test_ctrl_c_keeps_what_was_learned(tmp_path):
    "One epoch is done, the second was stopped; the model is saved, read and trained on."
    done = subprocess.run([sys.executable, '-c', SCRIPT, str(tmp_path/'kept')], capture_output=True, text=True, timeout=300,
                          env={**os.environ, 'OMP_NUM_THREADS': '1'})
    assert done.returncode == 0, done.stderr[-2000:]
    assert 'said: stopped in epoch 1, with 1 of 4 done: the model keeps what it has learned' in done.stdout
    assert 'epochs 1' in done.stdout and 'went on' in done.stdout
