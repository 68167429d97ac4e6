"What histories of all kinds get: fastai's own recorder and files, and input that is wrong."
import math, os, subprocess, sys
from types import SimpleNamespace

import pytest
from fastlessons.epochs import BatchRow, EpochRow
from fastlessons.history import checked, diagnose, read_csv, rows_of, write_csv


def rows(train, valid=None, errors=None):
    valid, errors = valid or [None]*len(train), errors or [None]*len(train)
    return [EpochRow(i, t, v, e) for i, (t, v, e) in enumerate(zip(train, valid, errors))]


@pytest.fixture(scope='module')
def learner():
    "A function that gives a small fastai Learner."
    import torch
    from fastai.data.core import DataLoader, DataLoaders
    from fastai.learner import Learner
    x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    items = [(a, int(a[0] > 0)) for a in x]
    def make(**kw):
        torch.manual_seed(0)
        loaders = DataLoaders(DataLoader(items[:48], bs=8, shuffle=True), DataLoader(items[48:], bs=16), device='cpu')
        learn = Learner(loaders, torch.nn.Linear(4, 2), torch.nn.functional.cross_entropy, lr=.01, **kw)
        learn.remove_cbs([cb for cb in learn.cbs if type(cb).__name__ == 'ProgressCallback'])
        learn.logger = lambda *_: None
        return learn
    return make


def fitted(learn, epochs=2):
    with learn.no_logging(): learn.fit(epochs)
    return learn


def test_rows_of_a_learner_are_what_its_recorder_printed(learner):
    from fastai.metrics import accuracy, error_rate
    for metrics in (error_rate, accuracy, [accuracy, error_rate]):
        learn = fitted(learner(metrics=metrics), 3)
        got = rows_of(learn)
        assert [r.epoch for r in got] == [0, 1, 2]
        for row, values in zip(got, learn.recorder.values):
            assert (row.train_loss, row.valid_loss) == tuple(values[:2])
            assert row.error_rate == pytest.approx(values[-1] if metrics is not accuracy else 1 - values[-1])


def test_a_learner_without_metrics_has_no_error_rate(learner):
    assert all(r.error_rate is None and r.valid_loss > 0 for r in rows_of(fitted(learner())))


def test_metrics_of_both_sets_are_told_apart(learner):
    from fastai.learner import Recorder
    from fastai.metrics import error_rate
    learn = learner(metrics=error_rate)
    learn.remove_cb(Recorder)
    learn.add_cb(Recorder(train_metrics=True, add_time=False))
    learn.recorder = next(cb for cb in learn.cbs if isinstance(cb, Recorder))
    values = fitted(learn).recorder.values[-1]
    row, named = rows_of(learn)[-1], dict(zip(learn.recorder.metric_names[1:], values))
    assert (row.train_loss, row.valid_loss, row.error_rate) == (named['train_loss'], named['valid_loss'], pytest.approx(named['valid_error_rate']))


def test_a_second_fit_replaces_the_rows_of_the_first(learner):
    learn = fitted(fitted(learner(), 4), 2)
    assert len(rows_of(learn)) == 2


def test_a_learner_that_was_not_fitted_is_refused(learner):
    with pytest.raises(ValueError, match='no whole epoch'): rows_of(learner())
    for other in (None, SimpleNamespace(), 'learner'):
        with pytest.raises(ValueError, match='no recorder'): rows_of(other)


def test_a_run_that_diverged_is_read_and_named(learner):
    learn = learner()
    with learn.no_logging(): learn.fit(2, lr=1e30)
    got = rows_of(learn)
    assert not all(math.isfinite(r.train_loss) for r in got) and diagnose(got).verdict == 'diverged'


def test_history_does_not_import_fastai_or_torch():
    code = "import sys, fastlessons.history; print({'torch', 'fastai', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == 'set()'


def test_the_file_of_csvlogger_is_read_also_where_runs_were_appended(learner, tmp_path):
    from fastai.callback.progress import CSVLogger
    from fastai.metrics import accuracy
    learn = learner(metrics=accuracy, path=tmp_path)
    for append in (False, True): learn.fit(2, cbs=CSVLogger(append=append))
    file = tmp_path/'history.csv'
    with pytest.raises(ValueError, match='2 runs'): read_csv(file)
    first, last = read_csv(file, 0), read_csv(file, -1)
    assert first != last and len(first) == len(last) == 2
    for mine, kept in zip(last, rows_of(learn)):
        assert (mine.train_loss, mine.valid_loss, mine.error_rate) == pytest.approx((kept.train_loss, kept.valid_loss, kept.error_rate))
    for run in (2, -3):
        with pytest.raises(ValueError, match='holds 2'): read_csv(file, run)


@pytest.mark.parametrize('text, words', [
    ('', 'empty'), ('\n\n', 'empty'), ('epoch,train_loss\n', 'no rows'),
    ('name,price\nrice,3\n', 'first line'), ('0,1.2,1.3\n', 'first line'), ('epoch,loss\n0,1.2\n', 'train_loss have to be'),
    ('epoch,train_loss,valid_loss\n0,one,2\n', "train_loss is 'one'"), ('epoch,train_loss\n0,\n', 'train_loss is None'), ('epoch,train_loss\n0,1\n0,1\n', 'twice'),
    ('epoch,train_loss\n0,1\n1,1\n0,1\n', 'two runs'), ('epoch,train_loss\n0.5,1\n', 'whole number'), ('epoch,train_loss\n-1,1\n', 'whole number'),
    ('epoch,train_loss,valid_loss\n0,1,1\n1,1,\n2,1,1\n', 'missing in epoch 1'), ('epoch,train_loss,error_rate\n0,1,12\n', 'not percent'), ('epoch;train_loss\n0;1\n', 'first line')])
def test_a_file_that_is_no_history_is_refused_with_its_name(tmp_path, text, words):
    file = tmp_path/'some.csv'
    file.write_text(text)
    with pytest.raises(ValueError, match=words) as error: read_csv(file)
    assert 'some.csv' in str(error.value)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path/'x.csv').write_bytes(b'\x89PNG\xff\xfe\x00')
    with pytest.raises(ValueError, match='no text'): read_csv(tmp_path/'x.csv')
    with pytest.raises(FileNotFoundError): read_csv(tmp_path/'none.csv')


def test_a_file_from_a_spreadsheet_is_read(tmp_path):
    (tmp_path/'x.csv').write_bytes('\ufeffepoch, train_loss, valid_loss, accuracy, time\r\n0,1.5,None,,00:01\r\n1,nan,inf,,00:01\r\n'.encode())
    with pytest.raises(ValueError, match='missing in epoch 0'): read_csv(tmp_path/'x.csv')
    (tmp_path/'x.csv').write_bytes('\ufeffepoch, train_loss, valid_loss, accuracy, time\r\n0,1.5,1,.5,00:01\r\n1,nan,inf,.5,00:01\r\n'.encode())
    got = read_csv(tmp_path/'x.csv')
    assert math.isnan(got[1].train_loss) and got[1].valid_loss == math.inf and got[1].error_rate == .5


def test_written_rows_come_back(tmp_path):
    for some in (rows([1.]), rows([1., .1 + .2], [2., 1e-9]), rows([1., math.inf], [1., math.inf], [.5, .25])):
        write_csv(some, tmp_path/'a.csv')
        assert read_csv(tmp_path/'a.csv') == some
    assert os.listdir(tmp_path) == ['a.csv']


def test_a_file_that_is_something_else_is_not_overwritten(tmp_path):
    file = tmp_path/'diary.txt'
    file.write_text('dear diary')
    for target in (file, tmp_path):
        with pytest.raises(FileExistsError, match='is not the history of one run'): write_csv(rows([1.]), target)
    assert file.read_text() == 'dear diary'
    with pytest.raises(ValueError, match='no rows'): write_csv([], tmp_path/'new.csv')
    assert not (tmp_path/'new.csv').exists()


@pytest.mark.parametrize('bad, words', [
    ([], 'no rows'), (None, 'NoneType'), ('epoch', 'str'), (3, 'int'), (dict(epoch=0, train_loss=1), 'dict'), ([1, 2], 'epoch is None'),
    ([EpochRow(0, 'low')], "train_loss is 'low'"), ([EpochRow(0, None)], 'train_loss is None'), ([EpochRow(True, 1.)], 'epoch is True'), ([EpochRow(math.nan, 1.)], 'whole number'),
    (rows([1., 1.]) + rows([1.]), 'two runs'), (rows([1., 1.])[::-1], 'out of order'), (rows([1.])*2, 'twice'), ([BatchRow(0, 0, 8, 1.)], 'train_loss is None'),
    ([EpochRow(0, 1., 1., 1.5)], 'not percent'), ([EpochRow(0, 1., 1.), EpochRow(1, 1.), EpochRow(2, 1., 1.)], 'missing in epoch 1'), ([EpochRow(0, 1.), EpochRow(1, 1., 1.)], 'missing in epoch 0')])
def test_rows_that_are_wrong_are_refused(bad, words):
    for function in (checked, diagnose):
        with pytest.raises(ValueError, match=words): function(bad)


def test_an_interrupted_last_epoch_is_allowed():
    assert diagnose(rows([2, 1.5, 1.2, 1.1, 1.05], [2, 1.5, 1.2, 1.1, None])).verdict


def test_no_verdict_without_what_it_needs():
    assert diagnose(rows([2.])).verdict == diagnose(rows([2., 1.], [2., 1.])).verdict == diagnose(rows([3., 1., .1], [3., 1., 4.])).verdict == 'too early to tell'
    without = diagnose(rows([2, 1, .5, .2, .1, .05, .02, .01, .01, .01, .01, .01]))
    assert without.verdict == 'too early to tell' and 'memorizing' in str(without)


def test_a_gap_alone_or_equal_losses_alone_prove_nothing():
    falls = [2, .5, .2, .1, .05, .03, .02, .01, .01, .01]
    assert diagnose(rows(falls, [2, .8, .5, .4, .38, .38, .38, .38, .38, .38])).verdict == 'learning'
    assert diagnose(rows(falls, falls)).verdict == 'learning'


def test_one_odd_epoch_does_not_decide():
    assert diagnose(rows([2, 1, .5, .3, .2, .2, .2, .2, .2, .2, .2, .2], [2, 1, .5, .3, .25, .25, .25, .9, .25, .25, .25, .25])).verdict == 'learning'


def test_the_unit_decides_what_is_high():
    flat = rows([.5]*8, [.5]*8)
    assert diagnose(flat, chance=math.log(2)).verdict == 'underfitting'
    assert diagnose(flat, chance=math.log(1000)).verdict == 'learning'


@pytest.mark.parametrize('number', [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize('column', ['train_loss', 'valid_loss'])
def test_what_is_no_number_has_diverged_since_then(number, column):
    some = [EpochRow(i, **{'train_loss':1/(i + 1), 'valid_loss':1/(i + 1), column:number if i >= 3 else 1/(i + 1)}) for i in range(5)]
    if number < 0:
        with pytest.raises(ValueError, match='below 0'): diagnose(some)
    else: assert (diagnose(some).verdict, diagnose(some).since) == ('diverged', 3) and f'{column} is {number}' in diagnose(some).evidence[0]


def test_losses_below_zero_and_a_wrong_chance_are_refused():
    with pytest.raises(ValueError, match='below 0'): diagnose(rows([-1., -2., -3., -4.]))
    for chance in (0, -1, math.nan, math.inf, '2', True):
        with pytest.raises(ValueError, match='chance is'): diagnose(rows([1.]), chance)


def test_nothing_breaks_on_odd_curves():
    for some in (rows([0.]*9, [0.]*9, [0.]*9), rows([1e-300]*9, [1e-300]*9), rows([1e300]*9, [1e300]*9, [1.]*9), rows([1.]*9, [1.]*9, [math.nan]*9), rows(range(9), range(9)), rows([0, 1]*6, [1, 0]*6)):
        found = diagnose(some)
        assert found.verdict and found.evidence and found.advice and found.verdict in str(found)


@pytest.mark.parametrize('text', ['epoch,train_loss,valid_loss,dice\n0,1,1,.5\n', 'epoch,train_loss\n0,1\nepoch,train_loss\n0,1\n', 'epoch,train_loss,my_notes\n0,1,precious\n'])
def test_a_history_with_more_in_it_is_not_overwritten(tmp_path, text):
    "What CSVLogger wrote over several runs, or with columns of its own, is somebody's: only our own file is replaced."
    file = tmp_path/'history.csv'
    file.write_text(text)
    with pytest.raises(FileExistsError, match='choose another name'): write_csv([EpochRow(0, 1.)], file)
    assert file.read_text() == text


@pytest.mark.parametrize('text', ['epoch,train_loss,valid_loss\n0,1.0,.9\n1,.9\n', 'epoch,train_loss,valid_loss\n0,1,25,1,10\n'])
def test_a_line_that_was_cut_or_has_decimal_commas_is_named(tmp_path, text):
    (tmp_path/'h.csv').write_text(text)
    with pytest.raises(ValueError, match='line [23] has [25] values for 3 columns'): read_csv(tmp_path/'h.csv')


def test_one_bad_run_does_not_block_the_others(tmp_path):
    (tmp_path/'h.csv').write_text('epoch,train_loss,valid_loss\n0,1,1\nepoch,train_loss,valid_loss\n0,1.88,0.55,00:00\n')
    assert read_csv(tmp_path/'h.csv', run=0) == [EpochRow(0, 1., 1.)]
    with pytest.raises(ValueError, match='4 values for 3 columns'): read_csv(tmp_path/'h.csv', run=1)
    with pytest.raises(TypeError): read_csv(tmp_path/'h.csv', run='last')


@pytest.mark.parametrize('spoil', ['validate', 'get_preds', 'lr_find'])
def test_a_record_that_was_written_over_is_refused(spoil):
    "fastai's recorder keeps what it printed last, also where that was no training."
    import fastai.callback.schedule  # noqa: F401
    from fastai.data.core import DataLoader, DataLoaders
    from fastai.learner import Learner
    from fastai.metrics import error_rate
    from torch.nn import functional as F
    from fastlessons.digits import digits, network
    d = digits(100)
    learn = Learner(DataLoaders(DataLoader(d.train, bs=50), DataLoader(d.valid, bs=360)), network(64, 10), loss_func=F.cross_entropy, metrics=error_rate)
    with learn.no_bar(), learn.no_logging():
        learn.fit(2, .1)
        assert len(rows_of(learn)) == 2
        getattr(learn, spoil)(**({'show_plot': False} if spoil == 'lr_find' else {}))
    with pytest.raises(ValueError, match='not that of a training any more'): rows_of(learn)
