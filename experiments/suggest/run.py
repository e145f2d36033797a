"""Compares F1 over rounds of labelling when ``suggest`` chooses the clips and when they are drawn at random.

    python -m experiments.suggest.run --data ../shared/data/dyads

Labelling of the dyads is simulated: ten random clips of 10 s are labelled, a quick model is fitted to all labels so
far, ten more clips are chosen, and so on. The model is scored on the ten held-out videos of ``experiments.dyads``. The
encoder was pretrained on the tracks of the other thirty (``few_labels``); each run chooses from twenty of them. The
strategies are in ``simulation``. Writes results.csv, results.md and results.png beside this file, in about a quarter of
an hour on two cores, most of it for pretraining. Embedded clips stay in runs/suggest; delete the folder after a change
of the code.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from experiments.dyads.protocol import DATA
from experiments.suggest.material import material
from experiments.suggest.report import write
from experiments.suggest.simulation import STRATEGIES, Row, simulate, with_all
from ssl_behavior.cli import run
from ssl_behavior.cli.validators import Above, AtLeast, Checked
from ssl_behavior.compute.progress import progress

HERE = Path(__file__).parent


@dataclass(frozen=True)
class SuggestExperimentConfig(Checked):
    """Settings of the experiment.

    Attributes:
        data: folder with tracks/ and annotations/ of the dyads.
        runs: of each strategy, each with other videos and first clips.
        rounds: of labelling.
        clips: to label in a round.
        seconds: length of a clip.
    """

    data: Path = DATA
    runs: Annotated[int, AtLeast(2)] = 20
    rounds: Annotated[int, AtLeast(4)] = 10
    clips: Annotated[int, Above(0)] = 10
    seconds: Annotated[float, Above(0)] = 10.0


def compare(config: SuggestExperimentConfig, folder: Path = HERE) -> Path:
    """Run every strategy and write the results to ``folder``; returns the path of results.md.

    Raises:
        InputError: data are missing, or a setting is impossible.
    """
    clips = material(config.data, config.seconds)
    rows: list[Row] = []
    for seed in progress(range(config.runs), "labelling", unit="run"):
        for name in STRATEGIES:
            rows += simulate(name, clips, seed, config.clips, config.rounds)
    return write(folder, rows, [with_all(clips, seed) for seed in range(config.runs)])


def _report(_: SuggestExperimentConfig, table: Path) -> None:
    print(f"\nresults: {table}, and results.csv and results.png beside it")


main = run.command(SuggestExperimentConfig, compare, "Which clips to label next: suggested or random.", _report)


if __name__ == "__main__":
    main()
