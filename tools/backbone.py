"Pretrains the backbone and writes its weights: `make backbone`. Stopped with Ctrl+C or killed, it goes on where it was when called again."
import argparse
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--folder', type=Path, help="where pictures (3.1 GB) and checkpoint are kept; else the course's cache folder")
    parser.add_argument('--out', type=Path, default=ROOT/'fastlessons'/'backbone.safetensors', help="where the weights go")
    parser.add_argument('--steps', type=int, help="fewer steps than planned, to try it out")
    parser.add_argument('--threads', type=int, default=2, help="2 on a machine with nothing else to do, 1 beside other work")
    args = parser.parse_args()
    import torch
    from fastlessons.pictures import cache_folder
    from fastlessons.pretraining import Plan, Pretraining
    from fastlessons.settings import load_settings
    torch.set_num_threads(args.threads)
    plan = Plan() if args.steps is None else replace(Plan(), steps=args.steps)
    training = None
    try:
        training = Pretraining(plan, args.folder or cache_folder(load_settings())/'backbone')
        if training.step: print(f"going on with step {training.step:,} of {plan.steps:,}")
        training.run()
    except KeyboardInterrupt:
        raise SystemExit(f"stopped {f'at step {training.step:,} of {plan.steps:,}' if training else 'while drawing'}; what is done is kept, and the same command goes on")
    about = training.export(args.out)
    print(f"{args.out}: {about['hours']} hours, new things named right {about['right_things']:.3f}, new crops {about['right_crops']:.3f}")


if __name__ == '__main__': main()
