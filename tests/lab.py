"""A real JupyterLab in a real, headless Chromium: opens a notebook, runs it, and tells what a reader would have seen.

    with lab(folder) as server, page(server) as p:
        seen = run_notebook(p, server, '01_first_model.ipynb', seconds=120)

The server is the JupyterLab of this Python, on a free loopback port with a random token. Its configuration, settings,
workspaces and runtime files live in a temporary folder: nothing of the user's is read or written.
"""
import contextlib,json,os,re,secrets,shutil,socket,subprocess,sys,tempfile,time,urllib.error,urllib.request
from dataclasses import dataclass,field,replace
from pathlib import Path

SETTINGS = {
    '@jupyterlab/apputils-extension/notification':{'fetchNews':'false', 'checkForUpdates':False},
    '@jupyterlab/notebook-extension/tracker':{'windowingMode':'none'},  # cells off the screen stay in the page
    '@jupyterlab/docmanager-extension/plugin':{'autosave':False},
    '@jupyterlab/apputils-extension/themes':{'theme':'JupyterLab Light'},
}
CHROMIUM = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable')
HOW = "install Chromium (Debian: apt-get install chromium) and playwright (pip install playwright)"
REPR = re.compile(r'\b([VH]?Box|(Int|Float)Slider|Dropdown|RadioButtons|Checkbox|FileUpload|Button|HTML|Text|Image|Output|'
                  r'Panel|QuestionBox)\([a-z_]+=')


def find_chromium():
    "Path of Chromium or None; installs Debian's package where that needs no question (root, apt-get)."
    found = lambda: next((p for c in CHROMIUM if (p := shutil.which(c))), None)
    if not found() and shutil.which('apt-get') and hasattr(os, 'geteuid') and os.geteuid() == 0:
        env,null = {**os.environ, 'DEBIAN_FRONTEND':'noninteractive'},subprocess.DEVNULL
        for args in (['update'], ['install', '-y', '--no-install-recommends', 'chromium', 'fonts-dejavu-core']):
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(['apt-get', *args], timeout=300, env=env, stdout=null, stderr=null)
    return found()


def missing():
    "One line that says what is missing for a browser test; empty if nothing is."
    try: import playwright.sync_api  # noqa: F401
    except ImportError: return f"no playwright: {HOW}"
    try: import jupyterlab  # noqa: F401
    except ImportError: return "no JupyterLab: pip install 'fastlessons[lab]'"
    return '' if find_chromium() else f"no Chromium: {HOW}"


# Pictures without a text of their own; "Image" is what JupyterLab fills in
BLANK = ', '.join(f'.jp-OutputArea-output img{o}' for o in (':not([alt])', '[alt=""]', '[alt="Image"]'))


@dataclass(frozen=True)
class Server:
    "A running JupyterLab."
    folder:Path # What it serves
    url:str # http://127.0.0.1:port
    token:str # Random, of this run
    pid:int = 0 # Its process


def _free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def _environment(home, threads):
    "Environment with every Jupyter folder below `home`; the kernels of this Python only."
    for name,value in SETTINGS.items():
        f = home/'settings'/f'{name}.jupyterlab-settings'
        f.parent.mkdir(parents=True, exist_ok=True)
        f.write_text(json.dumps(value), encoding='utf-8')
    own = {'JUPYTER_CONFIG_DIR':'config', 'JUPYTERLAB_SETTINGS_DIR':'settings',
           'JUPYTERLAB_WORKSPACES_DIR':'workspaces', 'JUPYTER_DATA_DIR':'data', 'JUPYTER_RUNTIME_DIR':'runtime', 'IPYTHONDIR':'ipython'}
    kept = {k:v for k,v in os.environ.items() if not k.startswith(('JUPYTER', 'JPY_'))}
    return {**kept, **{k:str(home/v) for k,v in own.items()}, 'JUPYTER_NO_CONFIG':'', 'JUPYTER_PREFER_ENV_PATH':'1',
            'JUPYTER_PLATFORM_DIRS':'1', 'OMP_NUM_THREADS':str(threads), 'no_proxy':'127.0.0.1', 'NO_PROXY':'127.0.0.1'}


def _wait_for(server, process, log, seconds=180):
    "Wait until the server answers; `RuntimeError` with its last lines if it ends or stays silent."
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f'{server.url}/api?token={server.token}', timeout=5): return
        except (urllib.error.URLError, OSError): time.sleep(.2)
    raise RuntimeError(f"JupyterLab did not start within {seconds} s: {log.read_text(errors='replace')[-800:]}")


@contextlib.contextmanager
def lab(folder, threads=2, env=None, kernels=None):
    "A JupyterLab that serves `folder`, until the block ends; with the `kernels` of a folder instead of this Python's own."
    with tempfile.TemporaryDirectory(prefix='lab', ignore_cleanup_errors=True) as home:
        home = Path(home)
        server = Server(Path(folder), f'http://127.0.0.1:{(port := _free_port())}', secrets.token_hex(16))
        config = {'ServerApp':{'ip':'127.0.0.1', 'port':port, 'port_retries':0, 'open_browser':False,
                               'root_dir':str(folder), 'allow_root':True},
                  'IdentityProvider':{'token':server.token},
                  'LabApp':{'expose_app_in_browser':True}}
        if kernels: config['KernelSpecManager'] = {'kernel_dirs':[str(kernels)], 'ensure_native_kernel':False}
        (home/'config').mkdir()
        (home/'config'/'jupyter_lab_config.json').write_text(json.dumps(config), encoding='utf-8')
        log = home/'log'
        with log.open('w') as out:
            process = subprocess.Popen([sys.executable, '-m', 'jupyterlab'], stdin=subprocess.DEVNULL, stdout=out,
                                       stderr=out, env={**_environment(home, threads), **(env or {})})
        try:
            _wait_for(server, process, log)
            yield replace(server, pid=process.pid)
        finally:
            process.terminate()  # the server stops its kernels
            try: process.wait(15)
            except subprocess.TimeoutExpired: process.kill()


def processor_seconds(server):
    "What the kernels have computed so far, on all cores together: a busy machine makes it wait, and changes this little."
    import psutil
    return sum(sum(child.cpu_times()[:2]) for child in psutil.Process(server.pid).children(recursive=True))


@dataclass(frozen=True)
class Page:
    "A browser page and every address it asked for."
    tab:object # playwright's page
    asked:list = field(default_factory=list) # Addresses

    @property
    def outside(self):
        "Addresses that are not this machine."
        local = re.compile(r'(https?|wss?)://127\.0\.0\.1[:/]|data:|blob:|about:')
        return [a for a in self.asked if not local.match(a)]


@contextlib.contextmanager
def page(server, width=1200, height=1000, dark=False):
    "A fresh page in headless Chromium."
    from playwright.sync_api import sync_playwright
    args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--disable-background-networking']
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=find_chromium(), args=args)
        try:
            tab = browser.new_page(viewport={'width':width, 'height':height}, color_scheme='dark' if dark else 'light')
            shown = Page(tab)
            tab.on('request', lambda r: shown.asked.append(r.url))
            tab.on('websocket', lambda s: shown.asked.append(s.url))
            tab.set_default_timeout(60_000)
            yield shown
        finally: browser.close()


@dataclass(frozen=True)
class Seen:
    "What a reader saw after a whole run."
    finished:bool # Did the last code cell run?
    seconds:float # From Run All to the end
    errors:list # A line each
    stderr:list # Text each
    reprs:list # Widgets that are shown as text
    blank_pictures:int # Pictures without alternative text
    cells:list # The notebook's cells with their outputs


RUN = """() => { window.__done = false; const end = () => { window.__done = true; };
  window.jupyterapp.commands.execute('notebook:run-all-cells').then(end, end); }"""
READY = "() => window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'"
CELLS = "() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON().cells"


def open_notebook(p, server, name):
    "Open a notebook and wait until its kernel is ready."
    p.tab.goto(f'{server.url}/lab/tree/{urllib.request.quote(name)}?token={server.token}&reset')
    p.tab.locator('.jp-Notebook .jp-Cell').first.wait_for(timeout=180_000)
    p.tab.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"], .jp-Dialog', timeout=180_000)
    if (dialog := p.tab.locator('.jp-Dialog')).count():
        raise RuntimeError(f"JupyterLab asks: {dialog.first.inner_text()!r}")
    p.tab.wait_for_function(READY, timeout=180_000)
    p.tab.evaluate("() => { const s = window.jupyterapp.shell; if (!s.leftCollapsed) s.collapseLeft(); }")


def run_all(p, seconds=1800):
    "Run all cells, wait for the end of the last one, and tell what is to be seen. The limit ends a run that hangs and measures nothing."
    began = time.monotonic()
    p.tab.evaluate(RUN)
    p.tab.wait_for_function("() => window.__done !== false", timeout=1000*seconds)
    p.tab.wait_for_selector('.jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=180_000)
    took = time.monotonic() - began
    p.tab.wait_for_timeout(1000)  # outputs and widgets are drawn a little after the kernel is done
    return look(p, took)


def look(p, seconds=0.):
    "What is to be seen in the open notebook now."
    cells = p.tab.evaluate(CELLS)
    code = [c for c in cells if c['cell_type'] == 'code' and ''.join(c['source']).strip()]
    outputs = [(i, o) for i,c in enumerate(cells) for o in c.get('outputs', [])]
    shown = p.tab.locator('.jp-OutputArea-output').all_inner_texts()
    return Seen(finished=bool(code) and code[-1].get('execution_count') is not None, seconds=seconds, cells=cells,
                errors=[f"cell {i}: {o['ename']}: {o['evalue']}" for i,o in outputs if o['output_type'] == 'error'],
                stderr=[f"cell {i}: {''.join(o['text'])}" for i,o in outputs if o.get('name') == 'stderr'],
                reprs=[t[:120] for t in shown if REPR.search(t) or re.search('(Error displaying|Loading) widget', t)],
                blank_pictures=p.tab.locator(BLANK).count())


def run_notebook(p, server, name, seconds=1800):
    "Open a notebook, run it, and tell what is to be seen."
    open_notebook(p, server, name)
    return run_all(p, seconds)


EXTENT = """e => { const last = [...e.querySelectorAll('.jp-Cell')].at(-1).getBoundingClientRect();
  return [e.clientHeight - 40, last.bottom - e.getBoundingClientRect().top + e.scrollTop]; }"""


def screenshots(p, folder, stem, most=30):
    "The whole notebook as pictures of one screen each; the files."
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f'{stem}-[0-9][0-9].png'): old.unlink()
    box = p.tab.locator('.jp-NotebookPanel-notebook:visible .jp-WindowedPanel-outer').last
    step,total = box.evaluate(EXTENT)
    files = []
    for i,top in enumerate(range(0, max(1, int(total)), max(100, step))):
        if i == most: break
        box.evaluate("(e, top) => { e.scrollTop = top; }", top)
        p.tab.wait_for_timeout(150)
        files.append(folder/f'{stem}-{i:02}.png')
        box.screenshot(path=files[-1])
    return files
