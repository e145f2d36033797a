"""Runs the protocol of CalMS21 task 1: official split, several seeds, F1, MAP, each behaviour, label curve.

    python -m experiments.calms21_task1.run --data FOLDER --jobs 2      # the official files
    python -m experiments.calms21_task1.run --simulate --jobs 2         # simulated ones of the same layout and size

FOLDER contains, at any depth, ``calms21_task1_train.json`` and ``calms21_task1_test.json`` from
``task1_classic_classification.zip`` of https://data.caltech.edu/records/s0vdx-0k302. The ``.npy`` files that the
authors' ``calms21_convert_to_npy.py`` makes of them are read instead if they exist. The unlabelled set is used if it
exists: ``calms21_unlabeled_videos_part1.json`` and so on, from ``unlabeled_videos.zip``. No other file is read.

Each seed pretrains an encoder for each setting, draws which of the 70 training videos are labelled (nested: the 3 are
among the 10), and fine-tunes with default settings: the network from scratch, the pretrained network tuned, and a
linear head on the frozen encoder. All choices are made by cross-validation over the labelled videos. Scores are those
of the 19 test videos: F1 and average precision over all their frames together, and the means of both over attack,
investigation and mount, without ``other``.

- inductive: the encoder is pretrained on the tracks of the training videos and of the unlabelled set.
- transductive: the encoder is pretrained on the tracks of the test videos too.

In neither setting do labels of test videos reach training: it reads folders without them (``split.Inputs``).

Results stay in runs/calms21_task1, in folders whose names depend on all settings, and are not computed again. The same
command therefore continues where it was stopped, and a smaller one (``--seeds 1``) only writes its results. Delete the
folder after a change of the code. Predictions are deleted after scoring; ``ssl_behavior.predict`` makes them again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from experiments.calms21_task1.protocol import SETTINGS, VARIANTS, Plan, protocol
from experiments.calms21_task1.report import write
from experiments.calms21_task1.results import Run
from experiments.calms21_task1.split import OFFICIAL, QUICK, find_files, key_of, make_split, simulate_files
from ssl_behavior.errors import InputError

HERE = Path(__file__).parent


def main(argv: Sequence[str] | None = None) -> None:
    """Find or simulate the files, run the protocol, and write results.csv, results.md and label_curve.png."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    full = Plan()
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument("--data", type=Path, metavar="FOLDER", help="folder with the official files")
    data.add_argument("--simulate", action="store_true", help="run on simulated files of the same layout and size")
    parser.add_argument("--seeds", type=int, help=f"number of seeds ({full.seeds})")
    parser.add_argument("--sizes", type=int, nargs="+", help=f"numbers of labelled videos {full.sizes}")
    parser.add_argument("--setting", nargs="+", choices=SETTINGS, help="settings of the encoder (both)")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, help="variants of fine-tuning (all)")
    parser.add_argument("--pretrain-steps", type=int, help=f"for short trials ({full.pretrain_steps})")
    parser.add_argument("--finetune-steps", type=int, help=f"for short trials ({full.finetune_steps})")
    parser.add_argument("--jobs", type=int, help="trainings at a time, each on its share of the cores (1)")
    parser.add_argument("--quick", action="store_true", help="a few steps on one and two videos, as a test of the code")
    parser.add_argument(
        "--output", type=Path, default=Path("runs/calms21_task1"), help="folder for intermediate results"
    )
    parser.add_argument(
        "--results", type=Path, help="folder for the results (beside this file; with --quick, in --output)"
    )
    arguments = parser.parse_args(argv)
    try:
        run(arguments, plan_of(arguments))
    except InputError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        sys.exit(130)


def plan_of(arguments: argparse.Namespace) -> Plan:
    """The full or the quick plan, with the options that were given.

    Raises:
        InputError: a number is below 1.
    """
    plan = Plan(seeds=1, sizes=(1, 2), pretrain_steps=3, finetune_steps=4) if arguments.quick else Plan()
    options = {name: getattr(arguments, name) for name in ("seeds", "pretrain_steps", "finetune_steps", "jobs")}
    if wrong := [name for name, number in options.items() if number is not None and number < 1]:
        raise InputError(f"--{wrong[0].replace('_', '-')} {options[wrong[0]]}: expected 1 or more")
    lists = {"sizes": arguments.sizes, "settings": arguments.setting, "variants": arguments.variants}
    options |= {name: tuple(dict.fromkeys(values)) for name, values in lists.items() if values}
    return replace(plan, **{name: value for name, value in options.items() if value is not None})


def run(arguments: argparse.Namespace, plan: Plan) -> None:
    """Run the protocol, from files to results."""
    kind = "simulated" if arguments.simulate else "official"
    folder = arguments.data
    if arguments.simulate:
        sizes, name = (QUICK, "quick-files") if arguments.quick else (OFFICIAL, "simulated-files")
        folder = simulate_files(arguments.output / name, sizes)
    files = find_files(folder)
    work = arguments.output / f"{kind}-{key_of(files)}"
    print(f"reading {', '.join(str(path) for paths in files.values() for path in paths)}", flush=True)
    split = make_split(files, work, is_official=not arguments.simulate)
    rows, encoders = protocol(split, plan, work)
    results = arguments.results or (work / "results" if arguments.quick else HERE / kind)
    device = "a GPU" if torch.cuda.is_available() else f"{torch.get_num_threads()} cores, {plan.jobs} at once"
    measured = Run(kind, plan, Plan(), rows, encoders, split.about, device)
    print(write(results, measured))
    print(f"results: {results}")


if __name__ == "__main__":
    main()
