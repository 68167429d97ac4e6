"""Training while another program computes: updates a second with PyTorch's threads as the course sets them (`fastlessons/__init__.py`) and as they are, on an idle machine and beside a program that keeps one
core busy; two to three minutes. GNU OpenMP only (Linux); each measured in a fresh interpreter, in turn, several rounds, the figures are medians. Two threads, no GPU."""
import json, os, subprocess, sys, time
from statistics import median

SECONDS, ROUNDS, SETTINGS = 4, 2, {'as they are': {}, 'as the course sets them': {'GOMP_SPINCOUNT': '10000'}}


def child(seconds, threads):
    import torch
    import torch.nn.functional as F
    from fastlessons.finetuning import backbone
    torch.set_num_threads(threads)
    model = torch.nn.Sequential(backbone(), torch.nn.Linear(320, 8)).to(memory_format=torch.channels_last).train()
    xb, yb = torch.randn(32, 3, 64, 64).contiguous(memory_format=torch.channels_last), torch.randint(0, 8, (32,))
    def update():
        model.zero_grad()
        F.cross_entropy(model(xb), yb).backward()
    for _ in range(3): update()
    print('ready', flush=True)
    start, n = time.perf_counter(), 0
    while time.perf_counter() - start < seconds: update(); n += 1
    print(json.dumps(n / (time.perf_counter() - start)))


def started(seconds, threads, setting):
    # 300000 is what GNU OpenMP takes where nothing is said
    return subprocess.Popen([sys.executable, '-W', 'ignore', __file__, str(seconds), str(threads)], stdout=subprocess.PIPE, text=True,
                            env={**os.environ, 'GOMP_SPINCOUNT': '300000', **setting, 'CUDA_VISIBLE_DEVICES': ''})


def rate(setting, busy):
    "Updates a second."
    other = started(3600, 1, {}) if busy else None
    try:
        if other: other.stdout.readline()
        return json.loads(started(SECONDS, 2, setting).communicate()[0].splitlines()[-1])
    finally:
        if other: other.kill(); other.wait(); other.stdout.close()


def main():
    rates = {}
    for _ in range(ROUNDS):
        for busy in (False, True):
            for name, setting in SETTINGS.items(): rates.setdefault((busy, name), []).append(rate(setting, busy))
    said = []
    for busy, where in ((False, 'idle'), (True, 'one core busy')):
        theirs, ours = (median(rates[busy, name]) for name in SETTINGS)
        ratios = [b / a for a, b in zip(*(rates[busy, name] for name in SETTINGS))]
        print(f'{where}: {theirs:.1f} updates a second as they are, {ours:.1f} as the course sets them')
        said.append(f'{where} {median(ratios):.2f} times ({min(ratios):.2f} to {max(ratios):.2f})')
    print('threads, updates a second, ours ÷ as they are: ' + '; '.join(said))


if __name__ == '__main__': child(int(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) > 1 else main()
