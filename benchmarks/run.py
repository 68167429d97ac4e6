"Runs every benchmark in turn, each in its own interpreter: `python benchmarks/run.py`, or `--long` for those that take longer."
import subprocess, sys, time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(long):
    scripts = sorted((HERE/'long' if long else HERE).glob('*.py'))
    failed, figures = [], []
    for script in scripts:
        if script.name == Path(__file__).name: continue
        print(f'\n== {script.stem} ==', flush=True)
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, '-W', 'ignore', str(script)], stdout=subprocess.PIPE, text=True, encoding='utf-8')
        lines = []
        for line in process.stdout:
            print(line, end='', flush=True)
            lines.append(line.strip())
        if process.wait(): failed.append(script.stem)
        elif lines: figures.append(lines[-1])
        print(f'({time.perf_counter() - start:.0f} s)', flush=True)
    print('\n' + '\n'.join(figures))
    if failed: print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == '__main__':
    raise SystemExit(main('--long' in sys.argv[1:]))
