"""The whole protocol of CalMS21 task 1 from one command: official split, seeds, F1, MAP, each behaviour, label curve.

    python -m experiments.calms21_task1.run --data FOLDER --jobs 2      # the official files
    python -m experiments.calms21_task1.run --simulate --jobs 2         # simulated ones of the same layout and size

FOLDER has, in it or below it, ``calms21_task1_train.json`` and ``calms21_task1_test.json``, from
``task1_classic_classification.zip`` of https://data.caltech.edu/records/s0vdx-0k302, or the ``.npy`` files that the
authors' ``calms21_convert_to_npy.py`` makes of them, which are read in place of the ``.json`` where they lie beside it;
and, if you have it, the unlabelled set, ``calms21_unlabeled_videos_part1.json`` and so on, from
``unlabeled_videos.zip``. Nothing else is read.

Each seed pretrains an encoder per setting, draws which of the 70 training videos are labelled (nested: the 3 are among
the 10), and fine-tunes with the shipped defaults: the network from scratch, the pretrained network tuned, and a linear
head on the frozen encoder. What is chosen is chosen by cross-validation over the labelled videos. All are scored on the
19 test videos: F1 and average precision over all their frames put together, and the means of both over attack,
investigation and mount, ``other`` left out.

- inductive: the encoder is pretrained on the training videos' tracks, and the unlabelled set's.
- transductive: on the test videos' tracks too.

Labels of test videos reach training in neither: it is given folders that hold none (``split.Inputs``).

What is done is kept in runs/calms21_task1, in folders named after all that they depend on, and not done again: the same
command goes on where it was stopped, and one for less (``--seeds 1``) writes the results that are there. Remove the
folder after a change of the code. Predictions are scored and not kept; ``ssl_behavior.predict`` makes them again.
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
    """Find or simulate the files, run what is missing, and write results.csv, results.md and label_curve.png."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    full = Plan()
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument("--data", type=Path, metavar="FOLDER", help="folder with the official files")
    data.add_argument("--simulate", action="store_true", help="make files of the same layout and size, and run on them")
    parser.add_argument("--seeds", type=int, help=f"how many ({full.seeds})")
    parser.add_argument("--sizes", type=int, nargs="+", help=f"numbers of labelled videos {full.sizes}")
    parser.add_argument("--setting", nargs="+", choices=SETTINGS, help="of the encoder (both)")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, help="of fine-tuning (all)")
    parser.add_argument("--pretrain-steps", type=int, help=f"to try things out; the default is {full.pretrain_steps}")
    parser.add_argument("--finetune-steps", type=int, help=f"to try things out; the default is {full.finetune_steps}")
    parser.add_argument("--jobs", type=int, help="trainings at once, each on its share of the cores (1)")
    parser.add_argument("--quick", action="store_true", help="a few steps on one and two videos: does it run at all")
    parser.add_argument("--output", type=Path, default=Path("runs/calms21_task1"), help="for all that is worked on")
    parser.add_argument(
        "--results", type=Path, help="folder for the results; beside this file, or in --output if --quick"
    )
    given = parser.parse_args(argv)
    try:
        run(given, plan_of(given))
    except InputError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        sys.exit(130)


def plan_of(given: argparse.Namespace) -> Plan:
    """The full protocol, or the quick one, with what was asked for in its place.

    Raises:
        InputError: a number is below 1.
    """
    plan = Plan(seeds=1, sizes=(1, 2), pretrain_steps=3, finetune_steps=4) if given.quick else Plan()
    asked = {name: getattr(given, name) for name in ("seeds", "pretrain_steps", "finetune_steps", "jobs")}
    if wrong := [name for name, number in asked.items() if number is not None and number < 1]:
        raise InputError(f"--{wrong[0].replace('_', '-')} {asked[wrong[0]]}: expected 1 or more")
    lists = {"sizes": given.sizes, "settings": given.setting, "variants": given.variants}
    asked |= {name: tuple(dict.fromkeys(values)) for name, values in lists.items() if values}
    return replace(plan, **{name: value for name, value in asked.items() if value is not None})


def run(given: argparse.Namespace, plan: Plan) -> None:
    """Everything from files to results."""
    kind = "simulated" if given.simulate else "official"
    folder = given.data
    if given.simulate:
        sizes, name = (QUICK, "quick-files") if given.quick else (OFFICIAL, "simulated-files")
        folder = simulate_files(given.output / name, sizes)
    files = find_files(folder)
    work = given.output / f"{kind}-{key_of(files)}"
    print(f"reading {', '.join(str(path) for paths in files.values() for path in paths)}", flush=True)
    split = make_split(files, work, is_official=not given.simulate)
    rows, encoders = protocol(split, plan, work)
    results = given.results or (work / "results" if given.quick else HERE / kind)
    device = "a GPU" if torch.cuda.is_available() else f"{torch.get_num_threads()} cores, {plan.jobs} at once"
    told = Run(kind, plan, Plan(), rows, encoders, split.about, device)
    print(write(results, told))
    print(f"results: {results}")


if __name__ == "__main__":
    main()
