"The command as somebody types it: exit codes, one-line errors, a real server, a real kernel, a real pip."
import json, os, re, signal, subprocess, sys, time, urllib.request, zipfile
from pathlib import Path
import pytest
from fastlessons.serving import lab_command, lab_environment

ENV = {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONIOENCODING': 'utf-8'}
ROOT = Path(__file__).resolve().parent.parent
posix = pytest.mark.skipif(os.name != 'posix', reason="sends signals")


def fastlessons(*words, cwd, **env):
    return subprocess.run([sys.executable, '-m', 'fastlessons.cli', *map(str, words)], cwd=cwd, capture_output=True, text=True, encoding='utf-8', env={**ENV, **env}, timeout=300)


def write_notebook(path, *sources):
    cells = [dict(cell_type='code', id=f'c{i}', metadata={}, source=s, outputs=[], execution_count=None) for i, s in enumerate(sources)]
    path.write_text(json.dumps(dict(cells=cells, metadata={}, nbformat=4, nbformat_minor=5)), encoding='utf-8')


def outputs(path): return [o for c in json.loads(path.read_text(encoding='utf-8'))['cells'] for o in c['outputs']]


@pytest.mark.parametrize('words, code, said', [
    (['--version'], 0, r'fastlessons \d+\.'), (['--help'], 0, 'exit codes'), (['study', '--help'], 0, '--no-browser'), (['pictures', 'draw', '--help'], 0, 'example'),
    ([], 2, 'examples'), (['pictures'], 2, 'draw'), (['nonsense'], 2, 'invalid choice'), (['run'], 2, 'required'), (['study', '--port', '0'], 2, 'from 1 to 65535'),
    (['run', 'frist_model'], 2, 'Did you mean 01_first_model'), (['study', '99', '--no-browser'], 2, "no lesson '99'"), (['copy', ROOT/'nbs'], 2, "library's source"),
    (['copy', __file__], 2, 'is a file'), (['pictures', 'audit', 'nowhere'], 2, 'not a folder'), (['pictures', 'draw', 'many'], 2, 'whole number')])
def test_exit_codes_and_no_traceback(words, code, said, tmp_path):
    done = fastlessons(*words, cwd=tmp_path)
    assert done.returncode == code and re.search(said, done.stdout + done.stderr) and 'Traceback' not in done.stderr
    if code == 2 and done.stderr.startswith('fastlessons: '): assert done.stderr.count('\n') == 1
    assert list(tmp_path.iterdir()) == []


def test_help_loads_nothing_heavy(tmp_path):
    code = "import sys; from fastlessons.cli import main; main(['--help']); print(sorted({'torch', 'numpy', 'jupyterlab', 'nbclient', 'nbformat', 'PIL', 'tqdm'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.strip().endswith('[]')


def test_copy_says_what_happened(tmp_path):
    assert '01_first_model.ipynb: new' in fastlessons('copy', 'mine', cwd=tmp_path).stdout
    (tmp_path/'mine'/'01_first_model.ipynb').write_text('my own')
    assert '01_first_model.ipynb: yours kept' in fastlessons('copy', 'mine', cwd=tmp_path).stdout
    assert (tmp_path/'mine'/'01_first_model.ipynb').read_text() == 'my own'


def test_run_leaves_a_notebook_and_a_page_and_overwrites_nothing(tmp_path):
    write_notebook(tmp_path/'n.ipynb', '6*7', 'import sys; print(sys.executable)', 'from pathlib import Path; Path("made_here").touch()')
    (tmp_path/'out').mkdir()
    (tmp_path/'out'/'n-1.html').write_text('an earlier run')
    done = fastlessons('run', 'n.ipynb', '--out', 'out', cwd=tmp_path)
    assert done.returncode == 0 and 'n-2.html' in done.stdout and 'running' in done.stderr and 'WARNING' not in done.stderr
    assert sorted(p.name for p in (tmp_path/'out').iterdir()) == ['n-1.html', 'n-2.html', 'n-2.ipynb']
    assert (tmp_path/'out'/'n-1.html').read_text() == 'an earlier run'
    got = outputs(tmp_path/'out'/'n-2.ipynb')
    assert got[0]['data']['text/plain'] == '42' or got[0]['data']['text/plain'] == ['42']
    assert sys.executable in ''.join(got[1]['text'])   # this Python, not another registered kernel
    page = (tmp_path/'out'/'n-2.html').read_text(encoding='utf-8')
    assert '42' in page and not re.search(r'''(src|import\()\s*=?\s*["'(]+https?:''', page)
    assert (tmp_path/'made_here').exists() and not outputs(tmp_path/'n.ipynb')


def test_the_page_shows_the_still_twin_of_a_widget(tmp_path):
    cell = ("from ipywidgets import IntSlider\nfrom IPython.display import display\nview = 'application/vnd.jupyter.widget-' 'view+json'\n"
            "display({view: {'model_id': IntSlider().model_id}, 'text/html': '<b>the still ' 'twin</b>'}, raw=True)")
    write_notebook(tmp_path/'w.ipynb', cell)
    assert fastlessons('run', 'w.ipynb', cwd=tmp_path).returncode == 0
    page = (tmp_path/'runs'/'w-1.html').read_text(encoding='utf-8')
    assert '<b>the still twin</b>' in page and 'widget-view+json' not in page
    assert 'application/vnd.jupyter.widget-view+json' in outputs(tmp_path/'runs'/'w-1.ipynb')[0]['data']   # in JupyterLab it may run


def test_a_console_without_the_letter(tmp_path):
    done = subprocess.run([sys.executable, '-m', 'fastlessons.cli', 'run', '→ ü'], cwd=tmp_path, capture_output=True, env={**ENV, 'PYTHONIOENCODING': 'cp1252'})
    assert done.returncode == 2 and b"no lesson '? \xfc'" in done.stderr


def test_run_of_a_failing_cell(tmp_path):
    write_notebook(tmp_path/'bad.ipynb', '1', '1/0', '3')
    done = fastlessons('run', 'bad.ipynb', cwd=tmp_path)
    assert done.returncode == 1 and 'cell 2 of 3 failed: ZeroDivisionError: division by zero' in done.stdout and 'Traceback' not in done.stderr
    assert [o['output_type'] for o in outputs(tmp_path/'runs'/'bad-1.ipynb')] == ['execute_result', 'error']


def test_run_of_a_dying_kernel(tmp_path):
    write_notebook(tmp_path/'dead.ipynb', '1', 'import os; os._exit(1)')
    done = fastlessons('run', 'dead.ipynb', cwd=tmp_path)
    assert done.returncode == 1 and 'the kernel died in cell 2 of 2' in done.stdout and (tmp_path/'runs'/'dead-1.html').exists()


def test_run_of_something_else(tmp_path):
    (tmp_path/'not.ipynb').write_text('{')
    done = fastlessons('run', 'not.ipynb', cwd=tmp_path)
    assert done.returncode == 2 and 'is not a notebook' in done.stderr


@posix
def test_ctrl_c_while_running_keeps_what_is_done(tmp_path):
    write_notebook(tmp_path/'slow.ipynb', '1', 'from pathlib import Path; Path("started").touch()\nimport time; time.sleep(60)')
    p = subprocess.Popen([sys.executable, '-m', 'fastlessons.cli', 'run', 'slow.ipynb'], cwd=tmp_path, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(100):
        if (tmp_path/'started').exists(): break
        time.sleep(0.1)
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=300)
    assert p.returncode == 130 and 'interrupted' in out and 'Traceback' not in err
    assert len(outputs(tmp_path/'runs'/'slow-1.ipynb')) == 1


def start_study(tmp_path, *words):
    return subprocess.Popen([sys.executable, '-m', 'fastlessons.cli', 'study', '--no-browser', '--folder', tmp_path/'my study', *words],
                            cwd=tmp_path, env={**ENV, 'http_proxy': 'http://127.0.0.1:9'}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def address(p):
    for line in p.stdout:
        if found := re.search(r'(http://127\.0\.0\.1:(\d+))/lab/tree/(\S+)\?token=(\w+)', line): return found.groups()
    raise AssertionError(f"no address was printed: {p.stderr.read()}")


def ask(url): return json.load(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5))


def size_that_arrives(base, token, size):
    "Send a kernel one message of this size, as the upload of a large photograph does; Jupyter's own limit is 10 MB."
    websocket = pytest.importorskip('websocket')
    headers = {'Authorization': f'token {token}'}
    request = urllib.request.Request(f'{base}/api/kernels', data=b'{"name": "python3"}', method='POST', headers=headers)
    kernel = json.load(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=300))['id']
    ws = websocket.create_connection(f"ws{base[4:]}/api/kernels/{kernel}/channels", header=headers, http_no_proxy=['127.0.0.1'], timeout=300)
    content = dict(code=f"len('{'x'*size}')", silent=False, store_history=False, user_expressions={}, allow_stdin=False)
    ws.send(json.dumps(dict(header=dict(msg_id='1', session='1', username='', msg_type='execute_request', version='5.3'), parent_header={}, metadata={}, channel='shell', content=content)))
    while True:
        message = json.loads(ws.recv())
        if message['msg_type'] == 'execute_result': break
    ws.close()
    return int(message['content']['data']['text/plain'])


def test_a_setting_of_ones_own_stays_beside_ours(tmp_path, monkeypatch):
    from jupyter_server.serverapp import ServerApp
    (tmp_path/'own').mkdir()
    (tmp_path/'own'/'jupyter_server_config.json').write_text('{"ServerApp": {"tornado_settings": {"mine": 1}}}')
    monkeypatch.setenv('JUPYTER_CONFIG_PATH', str(tmp_path/'own'))
    monkeypatch.setenv('JUPYTER_CONFIG_PATH', lab_environment(tmp_path/'ours', 'secret')['JUPYTER_CONFIG_PATH'])
    app = ServerApp()
    app.load_config_file()
    assert app.tornado_settings == {'mine': 1, 'websocket_max_message_size': 2**27}


@posix
@pytest.mark.parametrize('end', [signal.SIGINT, signal.SIGTERM])
def test_study_serves_on_loopback_with_a_token_and_ends_quietly(tmp_path, end):
    import socket
    with socket.socket() as taken:   # the port that was asked for is busy
        taken.bind(('127.0.0.1', 0)); taken.listen()
        port = taken.getsockname()[1]
        p = start_study(tmp_path, '--port', str(port))
        try:
            base, used, lesson, token = address(p)
            assert lesson == '01_first_model.ipynb' and int(used) != port
            assert 'version' in ask(f'{base}/api?token={token}')
            assert ask(f'{base}/api/contents/{lesson}?content=0&token={token}')['type'] == 'notebook'
            with pytest.raises(OSError): ask(f'{base}/api/contents?content=0')   # not without the token
            kernel = ask(f'{base}/api/kernelspecs?token={token}')['kernelspecs']['python3']['spec']['argv'][0]
            assert kernel == sys.executable
            if end == signal.SIGINT: assert size_that_arrives(base, token, 15_000_000) == 15_000_000
            assert token not in Path(f'/proc/{p.pid}/cmdline').read_text() if Path('/proc').is_dir() else True
            p.send_signal(end)
            out, err = p.communicate(timeout=300)
        finally:
            if p.poll() is None: p.terminate(); p.wait(15)
    assert p.returncode == 0 and 'stopped' in out and err == ''
    with pytest.raises(OSError): ask(f'{base}/api?token={token}')   # and nothing is left running


def test_the_server_asks_no_outside_address():
    command = lab_command(Path('x'), 8888)
    for flag in ['--ServerApp.ip=127.0.0.1', '--LabApp.news_url=None', '--LabApp.extension_manager=readonly',
                 '--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate', '--no-browser']: assert flag in command
    assert lab_command(Path('x'), 8888, 'a.ipynb')[3] == 'a.ipynb' and '--no-browser' not in lab_command(Path('x'), 8888, 'a.ipynb')


def write_wheel(folder, name, version, *requires, modules=()):
    info = f'{name}-{version}.dist-info'
    with zipfile.ZipFile(folder/f'{name}-{version}-py3-none-any.whl', 'w') as z:
        for module in (name, *modules): z.writestr(f'{module}.py', f'version = "{version}"\n')
        z.writestr(f'{info}/METADATA', f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n' + ''.join(f'Requires-Dist: {r}\n' for r in requires))
        z.writestr(f'{info}/WHEEL', 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
        z.writestr(f'{info}/RECORD', '')


def test_add_package_changes_nothing_that_is_installed(tmp_path):
    "In an environment of its own, with wheels made here: one that fits, one that would need a newer `fastlessons_demo`."
    from fastlessons.stamping import first_cells
    subprocess.run([sys.executable, '-m', 'venv', '--without-pip', tmp_path/'env'], check=True)
    python = next(p for p in (tmp_path/'env'/'bin'/'python', tmp_path/'env'/'Scripts'/'python.exe') if p.exists())
    import pip
    env = {**ENV, 'PYTHONPATH': str(tmp_path/'pip'), 'PIP_NO_INDEX': '1', 'PIP_FIND_LINKS': str(tmp_path)}
    (tmp_path/'pip').mkdir()
    os.symlink(Path(pip.__file__).parent, tmp_path/'pip'/'pip') if os.name == 'posix' else pytest.skip("makes a link")
    write_wheel(tmp_path, 'fastlessons_demo', '1.0+cu124')
    write_wheel(tmp_path, 'fits', '1.0', 'fastlessons_demo>=1', modules=['fastlessons'])   # stands for the course
    write_wheel(tmp_path, 'clashes', '1.0', 'fastlessons_demo>=2')
    def run(*words): return subprocess.run([python, *words], env=env, cwd=tmp_path, capture_output=True, text=True)
    assert run('-m', 'pip', 'install', 'fastlessons_demo').returncode == 0
    write_wheel(tmp_path, 'fastlessons_demo', '2.0')
    cell = first_cells('01_first_model.ipynb')[1]
    address, = re.findall(r"'(git\+.*)'", cell)
    fits = run('-c', cell.replace(address, 'fits') + "\nimport fits, fastlessons_demo; print(fastlessons_demo.version)")
    assert fits.stdout.split()[-1] == '1.0+cu124', fits.stderr
    assert run('-m', 'pip', 'uninstall', '-qy', 'fits').returncode == 0
    clash = run('-c', cell.replace(address, 'clashes'))
    assert 'RuntimeError: pip could not install clashes beside what is there' in clash.stderr and run('-c', 'import clashes').returncode == 1
    assert run('-c', 'import fastlessons_demo; print(fastlessons_demo.version)').stdout.strip() == '1.0+cu124'


def test_draw_keeps_and_goes_on_and_audit_finds_what_is_wrong(tmp_path):
    draw = lambda n: fastlessons('pictures', 'draw', n, '--folder', 'mine', '--size', '32', '--jobs', '1', cwd=tmp_path)
    audit = lambda: fastlessons('pictures', 'audit', 'mine', cwd=tmp_path)
    assert draw(1).returncode == 0 and audit().returncode == 0
    first = next((tmp_path/'mine').glob('*/*.jpg'))
    made = first.stat().st_mtime_ns
    done = draw(2)
    assert done.returncode == 0 and '8 drawn, 8 kept' in done.stdout and first.stat().st_mtime_ns == made
    (tmp_path/'mine'/'mine.jpg').write_bytes(first.read_bytes())
    done = audit()
    assert done.returncode == 1 and 'mine.jpg' in done.stdout


@pytest.mark.parametrize('text, code, said', [('[fastlessons]\nbs = 0\n', 1, 'STOP  settings'), ('[fastlessons]\npictures = nowhere\n', 1, 'STOP  pictures'),
                                              ('[fastlessons]\ndevice = cpu\n', 0, 'ok    device         cpu works')])
def test_check_says_what_stops_the_first_lesson(tmp_path, text, code, said):
    (tmp_path/'settings.ini').write_text(text)
    done = fastlessons('check', cwd=tmp_path)
    assert done.returncode == code and said in done.stdout and 'Traceback' not in done.stderr
