"""Error of lesson 01's model, trained from nothing, on real photographs: five seeds each, about four minutes. Needs FASTLESSONS_REAL."""
import os, sys, warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]/'tests'))


def main():
    warnings.filterwarnings('ignore')
    if not os.environ.get('FASTLESSONS_REAL'): return print("photographs: not measured (set FASTLESSONS_REAL to a folder with ants_bees and mushroom_photos)")
    from test_real import error_after_training
    real, ranges = Path(os.environ['FASTLESSONS_REAL']), {}
    for name, guessing in (('ants_bees', 1/2), ('mushroom_photos', 9/10)):
        errors = [error_after_training(real/name, seed) for seed in range(5)]
        ranges[name] = f"{min(errors):.2f}–{max(errors):.2f}"
        print(f"{name:16} guessing {guessing:.2f}   five seeds {' '.join(f'{e:.3f}' for e in errors)}", flush=True)
    print(f"photographs: {', '.join(f'{n} {r}' for n, r in ranges.items())} (goal: below guessing)")


if __name__ == '__main__': main()
