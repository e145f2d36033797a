"""Does an encoder of one skeleton help with another? Pretrained on the dyads, probed on windows of CalMS21.

    python -m experiments.transfer.run --data ../shared/data

The dyads are tracked at five keypoints, CalMS21's mice at seven; three landmarks are common to both, two of them by
what stands in for them. Compared on the same splits: hand-made features (mean and deviation of the kinematics over a
window), encoders with random weights, pretrained on the dyads, and pretrained on the simulator, the last three both
frozen under a linear probe and trained further on the labelled windows; each with all landmarks and with only those of
the dyads, so that what the landmarks cost is not taken for what pretraining does. Writes results.csv and results.md
beside this file, in about ten minutes on two cores. What is done stays in runs/transfer and is not done again; remove
the folder after a change of the code.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from tqdm import tqdm

from experiments.transfer.comparison import Row, TransferConfig, rows_of, set_up
from experiments.transfer.report import write
from experiments.transfer.windows import read_windows
from ssl_behavior.cli import run

HERE = Path(__file__).parent


def transfer(config: TransferConfig, folder: Path = HERE) -> Path:
    """Run what is missing and write results.csv and results.md to ``folder``; returns the latter.

    Raises:
        InputError: data are missing or of another form, or a setting cannot be.
    """
    windows = read_windows(config.data / "calms21")
    print(f"{len(windows.positions)} windows, {windows.moments.max() + 1} groups of the same moments")
    setup = set_up(config)
    pieces = setup.pieces(config.seeds)
    one = partial(rows_of, setup=setup, windows=windows, config=config)
    rows: list[Row] = []
    with ExitStack() as stack:
        each: Iterable[list[Row]] = map(one, pieces)
        if config.jobs > 1:
            # Libraries of a fresh process read their number of threads from here.
            os.environ["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // config.jobs))
            each = stack.enter_context(ProcessPoolExecutor(config.jobs, get_context("spawn"))).map(one, pieces)
        for found in tqdm(each, "probing", len(pieces), unit="piece"):
            rows += found
    return write(folder, rows, windows, setup, config)


def _report(_: TransferConfig, table: Path) -> None:
    print(f"\nresults: {table}, and results.csv beside it")


main = run.command(TransferConfig, transfer, "Transfer of encoders across skeletons.", _report)


if __name__ == "__main__":
    main()
