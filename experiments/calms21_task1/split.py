"""Splits the official files of CalMS21 task 1 into inputs of training and the truth for scoring.

Labels of test videos are removed here, before any training: training reads only the files of ``Inputs``, which hold
none of them. The labels are written to a file of their own, which only scoring reads.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ssl_behavior.errors import InputError, list_names
from ssl_behavior.formats.tracks import calms21, native
from ssl_behavior.formats.tracks.calms21 import CHANNEL
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.simulation.ethogram import BEHAVIOURS
from ssl_behavior.simulation.simulator import simulate_recording
from ssl_behavior.storage.atomic import write_text

RECORD = "https://data.caltech.edu/records/s0vdx-0k302"
# Part -> numbers of sequences and frames of the official split.
OFFICIAL = {"train": (70, 507_738), "test": (19, 262_107)}
QUICK = {"train": (4, 2800), "test": (2, 1400)}
_SUFFIXES = (".npy", ".json", ".json.gz")  # the first of these that exists is read: .npy opens at once


@dataclass(frozen=True)
class Inputs:
    """Folders of recordings that training may read.

    Attributes:
        labelled: the training videos with their labels.
        train: tracks of the training videos, without labels.
        test: tracks of the test videos, without labels.
        unlabelled: tracks of the unlabelled videos; None if the user does not have them.
    """

    labelled: Path
    train: Path
    test: Path
    unlabelled: Path | None

    def tracks(self, setting: str) -> tuple[Path, ...]:
        """Folders for pretraining: ``transductive`` adds the tracks of the test videos, ``inductive`` does not."""
        folders = (self.train, self.test if setting == "transductive" else None, self.unlabelled)
        return tuple(folder for folder in folders if folder is not None)


@dataclass(frozen=True)
class Split:
    """The official split on disk.

    Attributes:
        inputs: for training.
        truth: the test videos with their labels, for scoring only.
        shown: id of each training video -> the behaviours that occur in it.
        about: part -> videos and frames, notices, and the minutes that reading took.
    """

    inputs: Inputs
    truth: Path
    shown: Mapping[str, Sequence[str]]
    about: Mapping[str, Any]


def find_files(folder: Path) -> dict[str, list[Path]]:
    """Find the official files in a folder or below it: one each for ``train`` and ``test``, any number ``unlabelled``.

    Raises:
        InputError: there is no such folder, or one of the two files is missing.
    """
    if not folder.is_dir():
        raise InputError(f"--data {folder}: expected a folder with CalMS21's task 1 files; there is none")
    by_stem: dict[str, dict[str, Path]] = {}
    paths = sorted(path for path in folder.rglob("*") if path.name.lower().endswith(_SUFFIXES))
    for path in reversed(paths):
        stem, _, suffix = path.name.lower().partition(".")
        by_stem.setdefault(stem, {})[f".{suffix}"] = path
    chosen = {
        stem: next(by_suffix[suffix] for suffix in _SUFFIXES if suffix in by_suffix)
        for stem, by_suffix in by_stem.items()
        if set(by_suffix) & set(_SUFFIXES)
    }
    wanted = {part: f"calms21_task1_{part}" for part in OFFICIAL}
    if missing := [f"{stem}.json (or .npy)" for stem in wanted.values() if stem not in chosen]:
        existing = list_names((str(path.relative_to(folder)) for path in paths), 8) or "no .json or .npy file"
        raise InputError(
            f"--data {folder}: expected {' and '.join(missing)}, from task1_classic_classification.zip of {RECORD}; "
            f"found {existing}; unpack the official files there"
        )
    files = {part: [chosen[stem]] for part, stem in wanted.items()}
    return files | {
        "unlabelled": [chosen[stem] for stem in sorted(chosen) if stem.startswith("calms21_unlabeled_videos")]
    }


def key_of(files: Mapping[str, Sequence[Path]]) -> str:
    """A short name for these files, which changes with their names, sizes and modification times."""
    digest = hashlib.sha256()
    for part in sorted(files):
        for path in files[part]:
            digest.update(f"{part} {path.name} {path.stat().st_size} {path.stat().st_mtime_ns}\n".encode())
    return digest.hexdigest()[:8]


def simulate_files(folder: Path, sizes: Mapping[str, tuple[int, int]], seed: int = 0) -> Path:
    """Write simulated files of the official names and layout, unless they exist.

    Args:
        folder: for the two .json files.
        sizes: part -> videos and frames.
        seed: of the simulator.
    """
    start = 0
    for part, (videos, frames) in sizes.items():
        path = folder / f"calms21_task1_{part}.json"
        if not path.exists():
            print(f"simulating {videos} {part} videos, {frames:,} frames, into {path}")
            ids = [f"task1/{part}/mouse{start + i + 1:03d}_task1_annotator1" for i in range(videos)]
            named_lengths = zip(ids, lengths(videos, frames), strict=True)
            calms21.write(
                path, [simulate_recording(start + i, seed, n, name) for i, (name, n) in enumerate(named_lengths)]
            )
        start += videos
    return folder


def lengths(videos: int, frames: int) -> list[int]:
    """Shuffled lengths that add up to ``frames``, spread evenly from half to one and a half times their mean.

    For the official counts, the longest is 20,600 frames; the longest official sequence has 21,364.
    """
    shares = np.random.default_rng(0).permutation(np.linspace(0.5, 1.5, videos) if videos > 1 else np.ones(1))
    edges = np.rint(np.cumsum(shares) / shares.sum() * frames).astype(int)
    return [int(length) for length in np.diff(edges, prepend=0)]


def make_split(files: Mapping[str, Sequence[Path]], folder: Path, is_official: bool) -> Split:
    """Read the files and write the split to ``folder``, unless it exists.

    Args:
        files: from ``find_files``.
        folder: used for these files only.
        is_official: require the official numbers of videos and frames.

    Raises:
        InputError: a file has another content, or the videos are not those of the official split.
    """
    about = folder / "split.json"
    inputs = Inputs(
        folder / "labelled",
        folder / "tracks" / "train",
        folder / "tracks" / "test",
        folder / "tracks" / "unlabelled" if files["unlabelled"] else None,
    )
    truth = folder / "truth" / "calms21_task1_test.npy"
    if not about.exists():
        started = time.perf_counter()
        parts = {part: [recording for path in files[part] for recording in calms21.read(path)] for part in files}
        check_labels({files[part][0]: parts[part] for part in OFFICIAL})
        check_apart(parts["train"], parts["test"])
        if is_official:
            check_official(parts)
        parts["unlabelled"], notices = without_test_frames(parts)
        native.write(inputs.labelled, parts["train"])
        for part in parts:
            native.write(folder / "tracks" / part, [_tracks_only(recording) for recording in parts[part]])
        calms21.write(truth, parts["test"])
        counts = {part: [len(videos), sum(video.frames for video in videos)] for part, videos in parts.items()}
        shown = {video.id: [BEHAVIOURS[i] for i in np.unique(video.labels[CHANNEL].values)] for video in parts["train"]}
        minutes = (time.perf_counter() - started) / 60
        write_text(about, json.dumps({"counts": counts, "notices": notices, "minutes": minutes, "shown": shown}))
    stored = json.loads(about.read_text())
    if not stored["counts"]["unlabelled"][0]:
        inputs = replace(inputs, unlabelled=None)
    return Split(inputs, truth, stored.pop("shown"), stored)


def _tracks_only(recording: Recording) -> Recording:
    """The recording with its tracks only."""
    return replace(recording, labels={}, series={}, metadata={})


def check_labels(parts: Mapping[Path, Sequence[Recording]]) -> None:
    """Make sure that every video has keypoints and task 1's labels.

    Raises:
        InputError: a video lacks them.
    """
    for path, recordings in parts.items():
        for recording in recordings:
            if not recording.skeleton.keypoints:
                raise InputError(
                    f"{path}: expected keypoints and found features only in {recording.id!r}; give the file of poses"
                )
            behaviours = recording.labels[CHANNEL].behaviours if CHANNEL in recording.labels else ()
            if behaviours != BEHAVIOURS:
                raise InputError(
                    f"{path}: expected labels of {', '.join(BEHAVIOURS)} in every sequence; found "
                    f"{', '.join(behaviours) or 'none'} in {recording.id!r}: give the official file of task 1"
                )


def check_apart(train: Sequence[Recording], test: Sequence[Recording]) -> None:
    """Make sure that no video is in both parts.

    Raises:
        InputError: a video is in both.
    """
    if both := {video.id for video in train} & {video.id for video in test}:
        raise InputError(f"expected training and test files without a video in common; both have {list_names(both, 5)}")


def check_official(parts: Mapping[str, Sequence[Recording]]) -> None:
    """Make sure that the numbers of videos and frames are those of the official split.

    Raises:
        InputError: they are not.
    """
    for part, (videos, frames) in OFFICIAL.items():
        counts = len(parts[part]), sum(video.frames for video in parts[part])
        if counts != (videos, frames):
            raise InputError(
                f"{parts[part][0].source}: expected the official split's {videos} {part} videos of {frames:,} frames; "
                f"found {counts[0]} of {counts[1]:,}: give the file as {RECORD} has it"
            )


def without_test_frames(parts: Mapping[str, Sequence[Recording]]) -> tuple[list[Recording], list[str]]:
    """The unlabelled videos without frames of test videos, and notices about shared frames."""
    test = {frame for video in parts["test"] for frame in _frames(video)}
    shared = {part: {video.id: len(test & _frames(video)) for video in parts[part]} for part in ("train", "unlabelled")}
    notices = []
    if left_out := [name for name, count in shared["unlabelled"].items() if count]:
        notices.append(f"unlabelled videos left out, as they hold frames of test videos: {list_names(left_out)}")
    if count := sum(shared["train"].values()):
        notices.append(f"{count} frames of the official training videos have the very keypoints of a test frame")
    return [video for video in parts["unlabelled"] if not shared["unlabelled"][video.id]], notices


def _frames(recording: Recording) -> set[bytes]:
    """The bytes of each frame in which all keypoints are seen."""
    rows = recording.positions.reshape(recording.frames, -1)
    return {row.tobytes() for row in rows[np.isfinite(rows).all(1)]}
