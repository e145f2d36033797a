"""The few-label benchmark on the dyads: the labelled videos, the test videos and the scores.

Ten of the 40 videos are held out (``HELD_OUT``); no draw of labelled videos contains them, and every score is on these
ten. A variant learns from the labels of 3, 10, 20 or 30 of the other videos: from fixed draws, or from all thirty with
three seeds. It gets a ``Task``: the labelled videos and, without labels, the poses of the test videos.
Decisions are those of ``decisions``.

Run experiments as modules from the project's root: ``python -m experiments.controls.xgboost_expert``.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

import ssl_behavior
from experiments.dyads.decisions import FREE, Decision, choose_decoder, decide
from experiments.dyads.tables import Row
from ssl_behavior.formats.annotations.read import read_annotations
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.poses.labelled import LabelledPoses
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.poses import Poses
from ssl_behavior.poses.prepare import Preparation, prepare_all
from ssl_behavior.recordings.labels import scored_frames
from ssl_behavior.recordings.matching import attach
from ssl_behavior.scoring.report import ScoredVideo
from ssl_behavior.scoring.report import score as all_scores
from ssl_behavior.storage.atomic import write_atomically, write_text
from ssl_behavior.tracking.repair import repair_recording

DATA = Path("../shared/data/dyads")
RUNS = Path("runs/dyads", ssl_behavior.__version__)
CHANNEL, UNJUDGED = "S1", ("base",)
_FRAME_RATE = 30.0  # Hz of the videos and of their labels
HELD_OUT = ("1", "13", "23", "27", "37", "46", "48", "50", "52", "58")
_THREE = ("7 42 47", "18 40 53", "10 25 32", "6 19 30", "20 39 47")
_TEN = ("2 4 7 16 25 30 33 34 39 57", "7 15 18 19 22 33 36 41 45 54", "6 8 14 16 18 20 26 28 40 42")
# Of the thirty, by numpy.random.default_rng(20).choice(thirty, 20, replace=False), three times.
_TWENTY = (
    "2 4 6 7 8 14 15 16 18 22 25 30 32 33 34 39 45 47 54 57",
    "2 6 7 8 14 16 18 20 25 26 30 32 33 34 36 39 40 41 47 54",
    "6 7 8 14 15 16 18 19 20 26 28 30 32 33 34 42 45 53 54 57",
)
_THIRTY = " ".join(sorted({video for draw in (*_THREE, *_TEN) for video in draw.split()}, key=int))
DRAWS: Mapping[int, tuple[tuple[str, ...], ...]] = {
    3: tuple(tuple(draw.split()) for draw in _THREE),
    10: tuple(tuple(draw.split()) for draw in _TEN),
    20: tuple(tuple(draw.split()) for draw in _TWENTY),
    30: (tuple(_THIRTY.split()),) * 3,
}
"""Number of labelled videos -> the videos of each draw. The n-th draw goes with seed n, so thirty has three seeds."""

Found = Mapping[str, np.ndarray]
"""Video id -> (time, behaviour) probabilities at the poses' frames, or the label of every filmed frame (frame,).

Probabilities are those of a world in which behaviours are as frequent as in training.
"""


@dataclass(frozen=True, eq=False)
class Video:
    """The poses of one video, and its labels (frame,) for every frame of the video file, -1 if unscored."""

    poses: Poses
    filmed: np.ndarray

    @property
    def labels(self) -> np.ndarray:
        """Labels (time,) at the frames of the poses."""
        return self.filmed[self.poses.native_frames]

    @property
    def id(self) -> str:
        """The video id."""
        return self.poses.id

    @property
    def labelled(self) -> LabelledPoses:
        """The poses with their labels, which hold for both orders of the animals."""
        return LabelledPoses(self.poses, self.labels, tuple(self.poses.pairs()))


@dataclass(frozen=True, eq=False)
class Dyads:
    """All videos by id, with the names of behaviours and landmarks."""

    videos: Mapping[str, Video]
    behaviours: tuple[str, ...]
    landmarks: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Task:
    """The input of a variant: the labelled videos of a draw, the poses of the held-out videos, and a seed."""

    train: tuple[Video, ...]
    test: tuple[Poses, ...]
    behaviours: tuple[str, ...]
    landmarks: tuple[str, ...]
    seed: int

    @property
    def frequencies(self) -> np.ndarray:
        """Share (behaviour,) of each behaviour among the scored training frames."""
        counts = scored_frames(np.concatenate([video.labels for video in self.train]), len(self.behaviours))
        return counts / counts.sum()


FitPredict = Callable[[Task], Found]


def load(data: Path = DATA, frame_rate: float = _FRAME_RATE, is_repaired: bool = False) -> Dyads:
    """Read all videos of the dyads at ``frame_rate`` Hz, with the labels of channel S1 and ``base`` unscored.

    Args:
        data: folder with tracks/ and annotations/.
        frame_rate: Hz.
        is_repaired: exchange animals back that the tracker exchanged.
    """
    recordings = read_recordings(data / "tracks", frame_rate=_FRAME_RATE)
    if is_repaired:
        recordings = [repair_recording(recording).recording for recording in recordings]
    labelled = attach(recordings, read_annotations(data / "annotations"), CHANNEL, UNJUDGED, notify=lambda _: None)
    landmarks = shared_landmarks(recording.skeleton for recording in labelled)
    labels = {recording.id: recording.labels[CHANNEL] for recording in labelled}
    videos = {
        poses.id: Video(poses, labels[poses.id].values)
        for poses in prepare_all(labelled, landmarks, Preparation(frame_rate=frame_rate))
    }
    return Dyads(videos, labelled[0].labels[CHANNEL].behaviours, landmarks)


def task(dyads: Dyads, size: int, draw: int) -> Task:
    """The ``draw``-th task of ``size`` labelled videos."""
    train = tuple(dyads.videos[video] for video in DRAWS[size][draw])
    test = tuple(dyads.videos[video].poses for video in HELD_OUT)
    return Task(train, test, dyads.behaviours, dyads.landmarks, seed=draw)


def score(labels: Mapping[str, np.ndarray], dyads: Dyads) -> Row:
    """Score labels (frame,) of the ten held-out videos.

    Returns:
        Macro F1, F1 of each behaviour, and F1 of bouts at an overlap of .25, all over the ten videos together.
    """
    videos = []
    for video in HELD_OUT:
        truth = dyads.videos[video]
        videos.append(ScoredVideo(video, truth.filmed, labels[video], None, truth.poses.native_rate))
    report = all_scores(videos, dyads.behaviours, draws=0)
    row = {"macro F1": report["macro_f1"]} | {name: behaviour["f1"] for name, behaviour in report["classes"].items()}
    return row | {"bout F1@.25": report["bout_f1"]["0.25"]}


def run(
    variant: str,
    fit_predict: FitPredict,
    dyads: Dyads,
    sizes: Sequence[int] = tuple(DRAWS),
    draws: int | None = None,
    jobs: int = 1,
    decisions: Sequence[Decision] = FREE,
) -> list[Row]:
    """Fit and score a variant on every draw that has no results in ``RUNS/<variant>``.

    The predictions of each fit stay there, too; another decision needs no new fit.

    Args:
        variant: name of the variant. Delete its folder after a change of the code.
        fit_predict: takes a ``Task`` and returns probabilities or labels of its test videos; with several jobs, a
            function of a module (or a ``functools.partial`` of one).
        dyads: all videos.
        sizes: numbers of labelled videos.
        draws: number of draws of each size; all by default.
        jobs: draws at a time, each in a process of its own with its share of the cores.
        decisions: a row for each.

    Returns:
        A row for each draw and decision.
    """
    chosen = [(size, draw) for size in sizes for draw in range(len(DRAWS[size]))[:draws]]
    run_draw = partial(_run_draw, variant, fit_predict, dyads, tuple(decisions))
    with ExitStack() as stack:
        results: Iterator[list[Row]] = map(run_draw, chosen)
        if jobs > 1:
            # The libraries of a new process read their number of threads from here.
            os.environ["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // jobs))
            pool = ProcessPoolExecutor(jobs, get_context("spawn"))
            results = stack.enter_context(pool).map(run_draw, chosen)
        rows = []
        for number, of_draw in enumerate(results, 1):
            rows += of_draw
            print(f"{number} of {len(chosen)}  {_shown(of_draw)}", flush=True)
    return rows


def _run_draw(
    variant: str, fit_predict: FitPredict, dyads: Dyads, decisions: tuple[Decision, ...], chosen: tuple[int, int]
) -> list[Row]:
    """The rows of one draw; those that exist are read from disk."""
    size, draw = chosen
    path, task_ = _stored(variant, size, draw), task(dyads, size, draw)
    rows: list[Row] = json.loads(path.read_text()) if path.exists() else []
    head = {"version": ssl_behavior.__version__, "variant": variant, "labelled videos": size}
    head |= {"draw": " ".join(DRAWS[size][draw]), "seed": draw}
    fits = _Fits(fit_predict, path)
    for decision in decisions:
        if decision in [row["decision"] for row in rows]:
            continue
        predicted = fits(task_)
        decoder = choose_decoder(fits, task_) if decision == "as the default" else None
        decided = {
            poses.id: decide(predicted[poses.id], poses, task_.frequencies, decision, decoder) for poses in task_.test
        }
        rows.append({**head, "decision": decision, **score(decided, dyads), "minutes": round(fits.minutes, 2)})
        write_text(path, json.dumps(rows, indent=1) + "\n")
    return [row for decision in decisions for row in rows if row["decision"] == decision]


class _Fits:
    """Fits a variant to the tasks of one draw: to all its videos, and without each fold. Predictions stay on disk.

    Attributes:
        minutes: time of all fits so far, also of those that were found on disk.
    """

    def __init__(self, fit_predict: FitPredict, path: Path) -> None:
        self.fit_predict, self.path = fit_predict, path
        self._minutes: dict[Path, float] = {}

    @property
    def minutes(self) -> float:
        return sum(self._minutes.values())

    def __call__(self, task: Task) -> Found:
        path = self.path.with_suffix(f".{task.seed}.npz")  # each fold has a seed of its own
        if not path.exists():
            started = time.perf_counter()
            found = self.fit_predict(task)
            minutes = np.array((time.perf_counter() - started) / 60)
            with write_atomically(path) as temporary, temporary.open("wb") as file:
                np.savez(file, allow_pickle=False, minutes=minutes, **found)
        with np.load(path) as stored:
            arrays = dict(stored)
        self._minutes[path] = float(arrays.pop("minutes"))
        return arrays


def _stored(variant: str, size: int, draw: int) -> Path:
    return RUNS / variant.replace(" ", "-") / f"{size}-{draw}.json"


def done(variants: Iterable[str]) -> list[Row]:
    """All existing rows of these variants, ordered by number of labelled videos."""
    paths = [_stored(variant, size, draw) for size in DRAWS for variant in variants for draw in range(len(DRAWS[size]))]
    return [row for path in paths if path.exists() for row in json.loads(path.read_text())]


def _shown(rows: Sequence[Row]) -> str:
    first = rows[0]
    scores = ", ".join(f"{row['macro F1']:.3f} ({row['decision']})" for row in rows)
    return (
        f"{first['variant']}, {first['labelled videos']} videos, seed {first['seed']}: {scores}, {first['minutes']} min"
    )


def arguments(description: str | None, variants: Iterable[str]) -> argparse.Namespace:
    """Parse the options of every control: the data, the draws and variants to run, and the number of jobs."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with tracks/ and annotations/")
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=list(DRAWS), choices=list(DRAWS), help="numbers of labelled videos"
    )
    parser.add_argument("--draws", type=int, help="draws of each number of videos (all)")
    names = list(variants)
    parser.add_argument("--variants", nargs="+", default=names, choices=names, metavar="NAME", help=f"of {names}")
    parser.add_argument("--jobs", type=int, default=1, help="draws at a time, each on its share of the cores")
    return parser.parse_args()
