"""Transfer between skeletons: encoders pretrained on the dyads, probed on windows of CalMS21.

    python -m experiments.transfer.run --data ../shared/data

The dyads are tracked at five keypoints, CalMS21's mice at seven. Both have three landmarks in common, two of them by
stand-ins. The same splits serve to compare hand-made features (mean and deviation of the kinematics over a window) with
encoders that have random weights, were pretrained on the dyads, or were pretrained on simulated mice. Encoders are both
frozen below a linear probe and trained further on the labelled windows. All have either all landmarks or only those of
the dyads, which separates the effect of fewer landmarks from that of pretraining. Writes results.csv and results.md
beside this file, in about ten minutes on two cores. Results stay in runs/transfer and are not computed again; delete
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

from experiments.transfer.comparison import Row, TransferConfig, rows_of, set_up
from experiments.transfer.report import write
from experiments.transfer.windows import read_windows
from ssl_behavior.cli import run
from ssl_behavior.compute.progress import progress

HERE = Path(__file__).parent


def transfer(config: TransferConfig, folder: Path = HERE) -> Path:
    """Run the missing pieces, and write results.csv and results.md to ``folder``; returns the latter.

    Raises:
        InputError: data are missing or of another form, or a setting is impossible.
    """
    windows = read_windows(config.data / "calms21")
    print(f"{len(windows.positions)} windows, {windows.moments.max() + 1} groups of the same moments")
    setup = set_up(config)
    pieces = setup.pieces(config.seeds)
    score = partial(rows_of, setup=setup, windows=windows, config=config)
    rows: list[Row] = []
    with ExitStack() as stack:
        results: Iterable[list[Row]] = map(score, pieces)
        if config.jobs > 1:
            # The libraries of a new process read their number of threads from here.
            os.environ["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // config.jobs))
            results = stack.enter_context(ProcessPoolExecutor(config.jobs, get_context("spawn"))).map(score, pieces)
        for of_piece in progress(results, "probing", total=len(pieces), unit="piece"):
            rows += of_piece
    return write(folder, rows, windows, setup, config)


def _report(_: TransferConfig, table: Path) -> None:
    print(f"\nresults: {table}, and results.csv beside it")


main = run.command(TransferConfig, transfer, "Transfer of encoders across skeletons.", _report)


if __name__ == "__main__":
    main()
