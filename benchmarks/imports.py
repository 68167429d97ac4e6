"""How long a learner waits for `import`: each module of the course in a fresh interpreter, beside `import fastai.vision.all`.

Both sides in turn, the least of three rounds. About a minute."""
from fastlessons.ladder import BUDGETS, RUNGS, import_seconds, package_files

ROUNDS, GOALS = 3, (.05, .3)


def measure():
    "Least seconds of each module; every round goes through all of them, so that a slow moment hits nobody alone."
    modules = ['fastai.vision.all', 'fastlessons', *(f'fastlessons.{module}' for module in RUNGS if module in package_files())]
    rounds = [{module: import_seconds(module, tries=1) for module in modules if n == 0 or light(module)} for n in range(ROUNDS)]
    return {module: min(row[module] for row in rounds if module in row) for module in modules}


def light(module):
    "What imports torch takes seconds: one round more would only cost time, except for the yardstick."
    return module == 'fastai.vision.all' or RUNGS.get(module.split('.')[-1], 0) not in (3, 4)


def main():
    seconds = measure()
    yardstick = seconds.pop('fastai.vision.all')
    print(f"{'rung':>4}  {'module':24} {'seconds':>8} {'budget':>7} {'fastai takes':>13}")
    for module, took in seconds.items():
        rung, budget = RUNGS.get(module.split('.')[-1], ''), BUDGETS.get(module, '')
        print(f'{rung:>4}  {module:24} {took:8.3f} {budget:>7} {yardstick/took:12.0f}x')
    print(f"      {'fastai.vision.all':24} {yardstick:8.3f}")
    slowest = max(took for module, took in seconds.items() if RUNGS.get(module.split('.')[-1]) == 0)
    print(f"imports: fastlessons {seconds['fastlessons']:.3f} s, slowest rung-0 module {slowest:.3f} s (goal {GOALS[0]} s, {GOALS[1]} s)")


if __name__ == '__main__':
    main()
