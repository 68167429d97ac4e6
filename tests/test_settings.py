"Settings in a process of its own: what a learner sees who mistyped something. (The rules themselves are tested in the notebook.)"
import os, subprocess, sys
from pathlib import Path
import pytest
from fastlessons.settings import Settings, find_settings, load_settings, settings_text

ROOT = Path(__file__).resolve().parent.parent


def test_the_checkouts_file_and_the_defaults_do_not_drift():
    assert (ROOT/'settings.ini').read_bytes().decode() == settings_text()
    assert load_settings(ROOT/'settings.ini') == Settings()


@pytest.mark.parametrize('line, words', [
    ('valid_pc = 0.3', ["valid_pc = '0.3'", 'did you mean valid_pct?']),
    ('bs = 0', ['bs = 0', 'from 1 to 4096']), ('bs = lots', ["bs = 'lots'", 'not a whole number']), ('size = 3', ['size = 3', '16 to 1024']),
    ('valid_pct = 1.5', ['valid_pct = 1.5', 'below 1']), ('lr = nan', ['lr = nan', 'above 0']), ('lr = 0', ['lr = 0']), ('lr = inf', ['lr = inf']),
    ('device = gpu', ["device = 'gpu'", 'auto, cpu, cuda or mps']), ('epochs = 0', ['epochs = 0']), ('num_workers = -1', ['num_workers = -1']),
    ('bs = 1\nbs = 2', ['bs is set twice', 'line 3']), ('[fastlessons]', ['[fastlessons] is there twice'])])
def test_an_error_names_key_value_what_is_allowed_and_the_file(tmp_path, line, words):
    path = tmp_path/'settings.ini'
    path.write_text(f'[fastlessons]\n{line}\n')
    with pytest.raises(ValueError) as e: load_settings(path)
    for word in [str(path), *words]: assert word in str(e.value)


def test_notepads_mark_and_windows_line_ends_are_accepted(tmp_path):
    path = tmp_path/'settings.ini'
    path.write_bytes(b'\xef\xbb\xbf[fastlessons]\r\nbs = 8\r\npictures = 100% Pilze\r\n')
    assert load_settings(path) == Settings(bs=8, pictures=str(tmp_path/'100% Pilze'))


def test_every_value_survives_writing_and_reading(tmp_path):
    s = Settings(pictures=str(tmp_path/'a b # 1 % "x" [ü]'), seed=0, size=16, bs=1, valid_pct=0.5, epochs=1, lr=1e-5, num_workers=2, device='cpu', cache=str(tmp_path/'c'))
    path = tmp_path/'settings.ini'
    path.write_text(settings_text(s), encoding='utf-8')
    assert load_settings(path) == s


def test_the_nearest_file_counts_and_a_foreign_one_does_not(tmp_path, monkeypatch):
    below = tmp_path/'a'/'b'
    below.mkdir(parents=True)
    (tmp_path/'settings.ini').write_text('[fastlessons]\nbs = 4\n')
    (below/'settings.ini').write_text('[DEFAULT]\nrepo = other\n')
    monkeypatch.chdir(below)
    assert find_settings() == tmp_path/'settings.ini' and load_settings().bs == 4
    (below/'settings.ini').write_text('[fastlesson]\nbs = 4\n')
    with pytest.raises(ValueError, match='did you mean fastlessons'): load_settings()


def test_reading_settings_loads_nothing_heavy(tmp_path):
    code = "import sys, fastlessons.settings as s; s.load_settings(); print(sorted({'torch', 'numpy', 'pandas', 'IPython', 'matplotlib'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, '-c', code], cwd=tmp_path, capture_output=True, text=True, env={**os.environ}).stdout.strip() == '[]'
