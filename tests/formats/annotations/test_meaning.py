"""One truth in every format: offsets, rates, intervals, units, separators and the order of columns change no label.

A file that says the same in another way must give the same labels. What nobody looked at must be unscored.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ssl_behavior.formats.annotations.read import read_annotations
from ssl_behavior.recordings.labels import Bout, Labels
from ssl_behavior.recordings.videos import Video, Videos

FEW = settings(
    max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
BEHAVIOURS = ("groom", "rear", "other")
RATES = (15.0, 24.0, 25.0, 29.97, 30.0, 50.0, 60.0)


@dataclass(frozen=True)
class Truth:
    """What happens in a video ``m``; whether its tracks know their rate, and what a file says of it."""

    frames: int
    rate: float
    bouts: tuple[Bout, ...]
    is_rate_known: bool
    stated: float

    @property
    def videos(self) -> Videos:
        return Videos([Video("m", self.rate if self.is_rate_known else None, self.frames), Video("n", 99.0, 50)])

    def labels(self, start: int = 0, stop: int | None = None) -> np.ndarray:
        values = Labels.from_bouts(self.bouts, BEHAVIOURS, self.frames, "other").values.copy()
        values[:start] = -1
        values[self.frames if stop is None else stop :] = -1
        return values


@st.composite
def truths(draw: st.DrawFn) -> Truth:
    """A truth that a careful reader can find: the tracks know their rate, or the file does, or it is 30 Hz."""
    rate = draw(st.sampled_from(RATES))
    is_known = draw(st.booleans())
    stated = draw(st.sampled_from(RATES)) if is_known or rate == 30 else rate
    at, bouts = draw(st.integers(1, 60)), []
    for i in range(draw(st.integers(2, 8))):
        length = draw(st.integers(1, 60))
        bouts.append(Bout(at, at + length, BEHAVIOURS[i % 2]))
        at += length + draw(st.integers(2, 60))
    return Truth(max(at + draw(st.integers(10, 100)), 300), rate, tuple(bouts), is_known, stated)


LAYOUTS = st.tuples(st.sampled_from([",", ";", "\t"]), st.booleans(), st.integers(0, 99))
"""Separator, decimal comma (where the separator is another), and the order of the columns."""


def table(columns: Mapping[str, Sequence[object]], layout: tuple[str, bool, int], keep: int = 0) -> str:
    """Write a table with shuffled columns, the first ``keep`` of which stay."""
    separator, comma, seed = layout
    names = list(columns)
    rest = names[keep:]
    Random(seed).shuffle(rest)
    names = names[:keep] + rest
    rows = [separator.join(names)]
    for i in range(len(columns[names[0]])):
        cells = [str(columns[name][i]) for name in names]
        if comma and separator != ",":
            cells = [cell.replace(".", ",") if cell.replace(".", "").lstrip("-").isdigit() else cell for cell in cells]
        rows.append(separator.join(cells))
    return "\n".join(rows) + "\n"


def assert_read(folder: Path, name: str, text: str, truth: Truth, expected: np.ndarray | None = None) -> None:
    (folder / name).write_text(text)
    (annotations,) = read_annotations(folder / name, videos=truth.videos, notify=lambda _: None)
    (folder / name).unlink()
    (channel,) = annotations.channels
    assert annotations.id == "m"
    values = annotations.labels(channel, BEHAVIOURS, truth.frames).values
    np.testing.assert_array_equal(values, truth.labels() if expected is None else expected, err_msg=text)


def seconds(frame: float, truth: Truth, offset: float = 0.0) -> str:
    return f"{frame / truth.rate + offset:.3f}"


def clock(frame: float, truth: Truth) -> str:
    time = frame / truth.rate
    return f"{int(time) // 3600:02d}:{int(time) // 60 % 60:02d}:{time % 60:06.3f}"


OFFSETS = st.sampled_from([0.0, 5.0, -7.5, 3600.0, 1_700_000_000.0])


@FEW
@given(truths(), LAYOUTS, OFFSETS, st.sampled_from(["Media file name", "Source"]))
def test_tabular_boris(tmp_path: Path, truth: Truth, layout: tuple[str, bool, int], offset: float, source: str) -> None:
    moments = [(bout.behaviour, kind, frame) for bout in truth.bouts for kind, frame in edges(bout)]
    count = len(moments)
    columns: dict[str, Sequence[object]] = {
        "Observation id": ["day 1"] * count,
        "Time offset (s)": [offset] * count,
        "Media duration (s)": [seconds(truth.frames, truth)] * count,
        "FPS": [truth.stated] * count,
        "Subject": [""] * count,
        "Behavior": [moment[0] for moment in moments],
        "Behavior type": [moment[1] for moment in moments],
        "Time": [seconds(moment[2], truth, offset) for moment in moments],
        source: ["videos/m.mp4"] * count,
    }
    assert_read(tmp_path, "x.csv", table(columns, layout), truth)


def edges(bout: Bout) -> list[tuple[str, int]]:
    return [("START", bout.start), ("STOP", bout.stop)]


@FEW
@given(truths(), LAYOUTS, OFFSETS, st.booleans())
def test_aggregated_boris(
    tmp_path: Path, truth: Truth, layout: tuple[str, bool, int], offset: float, from_pictures: bool
) -> None:
    count = len(truth.bouts)
    rate, length = ("NA", "NA") if from_pictures else (truth.stated, seconds(truth.frames, truth))
    columns: dict[str, Sequence[object]] = {
        "Observation id": ["m"] * count,
        "Time offset (s)": [offset] * count,
        "Media duration (s)": [length] * count,
        "FPS (frame/s)": [rate] * count,
        "Behavior": [bout.behaviour for bout in truth.bouts],
        "Behavior type": ["STATE"] * count,
        "Start (s)": ["NA" if from_pictures else seconds(bout.start, truth, offset) for bout in truth.bouts],
        "Stop (s)": ["NA" if from_pictures else seconds(bout.stop, truth, offset) for bout in truth.bouts],
        "Image index start": [bout.start for bout in truth.bouts],
        "Image index stop": [bout.stop for bout in truth.bouts],
    }
    assert_read(tmp_path, "x.csv", table(columns, layout), truth)


@FEW
@given(truths(), OFFSETS, st.booleans(), st.booleans())
def test_boris_projects(tmp_path: Path, truth: Truth, offset: float, is_limited: bool, two_files: bool) -> None:
    start, stop = (5, truth.frames - 5) if is_limited else (0, None)
    half = truth.frames // 2
    lengths = {"m.mp4": half / truth.rate, "z.mp4": (truth.frames - half) / truth.rate}
    files = ["m.mp4", "z.mp4"] if two_files else ["m.mp4"]
    if not two_files:
        lengths = {"m.mp4": truth.frames / truth.rate}
    events = [
        [float(seconds(frame, truth, offset)), "", bout.behaviour, "", ""]
        for bout in truth.bouts
        for _, frame in edges(bout)
    ]
    observation = {
        "file": {"1": files},
        "type": "MEDIA",
        "time offset": offset,
        "events": events,
        "observation time interval": [start / truth.rate, (stop or 0) / truth.rate],
        "media_info": {"length": lengths, "fps": dict.fromkeys(files, truth.stated)},
    }
    kinds = {str(i): {"code": name, "type": "State event"} for i, name in enumerate(BEHAVIOURS[:2])}
    project = {"behaviors_conf": kinds, "subjects_conf": {}, "observations": {"m": observation}}
    assert_read(tmp_path, "p.boris", json.dumps(project), truth, truth.labels(start, stop))


@FEW
@given(truths(), st.booleans(), st.sampled_from(["frame", "time", "no"]))
def test_bento(tmp_path: Path, truth: Truth, in_seconds: bool, span: str) -> None:
    start, stop = (0, truth.frames) if span == "no" else (3, truth.frames - 4)
    # Whole frames of the header count at the file's own rate.
    rate = truth.stated if in_seconds and truth.is_rate_known and span != "frame" else truth.rate
    header: tuple[object, object] = (start + 1, stop)
    if span == "time":
        header = (f"{(start + 1) / truth.rate:.4f}", f"{stop / truth.rate:.4f}")
    lines = ["Bento annotation file", "Movie file(s): m.mp4", f"Annotation framerate: {rate}"]
    if span != "no":
        lines += [f"Annotation start {span}: {header[0]}", f"Annotation stop {span}: {header[1]}"]
    lines += ["", "List of channels:", "Ch1", "", "List of annotations:", "groom", "rear", "", "Ch1----------"]
    for name in BEHAVIOURS[:2]:
        lines += [f">{name}", "Start\tStop\tDuration"]
        for bout in (bout for bout in truth.bouts if bout.behaviour == name):
            edge = [f"{(bout.start + 1) / truth.rate:.4f}", f"{bout.stop / truth.rate:.4f}"]
            edge = edge if in_seconds else [str(bout.start + 1), str(bout.stop)]
            lines.append("\t".join([*edge, "1" if not in_seconds else "0.1"]))
        lines.append("")
    expected = truth.labels() if span == "no" else truth.labels(start, stop)
    assert_read(tmp_path, "m.annot", "\n".join(lines) + "\n", truth, expected)


UNITS: dict[str, tuple[Sequence[str], Sequence[str], Callable[[int, Truth], object]]] = {
    "frames": (
        ["start_frame", "Start frame", "onset_frame", "frame_start"],
        ["stop_frame", "End frame", "offset_frame", "frame_end"],
        lambda frame, _: frame,
    ),
    "seconds": (
        ["start_s", "Start (s)", "onset_time", "begin_sec"],
        ["stop_s", "Stop (s)", "offset_time", "end_sec"],
        seconds,
    ),
    "ms": (["start_ms"], ["end_ms"], lambda frame, truth: f"{frame / truth.rate * 1000:.1f}"),
    "minutes": (["Start (min)"], ["End (min)"], lambda frame, truth: f"{frame / truth.rate / 60:.6f}"),
    "clock": (["start"], ["end"], clock),
}


@FEW
@given(truths(), LAYOUTS, st.sampled_from(list(UNITS)), st.integers(0, 3), st.sampled_from(["stop", "duration"]))
def test_tables_of_bouts(
    tmp_path: Path, truth: Truth, layout: tuple[str, bool, int], unit: str, choice: int, end: str
) -> None:
    starts, stops, value = UNITS[unit]
    columns: dict[str, Sequence[object]] = {
        "video": ["m.mp4"] * len(truth.bouts),
        ["behaviour", "Behavior", "label", "Action"][choice]: [bout.behaviour for bout in truth.bouts],
        starts[choice % len(starts)]: [value(bout.start, truth) for bout in truth.bouts],
        # Without the tracks' rate, and without a length, nothing could correct it.
        "fps": [truth.stated if truth.is_rate_known and unit != "frames" else truth.rate] * len(truth.bouts),
    }
    if end == "stop":
        columns[stops[choice % len(stops)]] = [value(bout.stop, truth) for bout in truth.bouts]
    else:
        name = "duration" + ("_s" if unit == "clock" else "")
        length = seconds if unit == "clock" else value
        columns[name] = [length(bout.stop - bout.start, truth) for bout in truth.bouts]
    assert_read(tmp_path, "x.csv", table(columns, layout), truth)


@FEW
@given(truths(), LAYOUTS, st.booleans(), st.integers(0, 1))
def test_tables_of_bouts_that_follow_each_other(
    tmp_path: Path, truth: Truth, layout: tuple[str, bool, int], includes_stops: bool, first: int
) -> None:
    """Such bouts show whether stops are included, and the number of the last frame shows where counting starts."""
    every = Labels.from_bouts(truth.bouts, BEHAVIOURS, truth.frames, "other").bouts()
    columns: dict[str, Sequence[object]] = {
        "start": [bout.start + first for bout in every],
        "stop": [bout.stop + first - includes_stops for bout in every],
        "label": [bout.behaviour for bout in every],
    }
    assert_read(tmp_path, "m.csv", table(columns, layout), truth)


@FEW
@given(truths(), LAYOUTS, st.integers(0, 1), st.sampled_from(["", ".0"]), st.sampled_from(["", "NaN", "None", "-1"]))
def test_tables_with_a_label_per_frame(
    tmp_path: Path, truth: Truth, layout: tuple[str, bool, int], first: int, end: str, unscored: str
) -> None:
    values = truth.labels(10)
    columns: dict[str, Sequence[object]] = {
        "frame": [f"{i + first}{end}" for i in range(truth.frames)],
        "behavior": [BEHAVIOURS[value] if value >= 0 else unscored for value in values],
        "video": ["m"] * truth.frames,
    }
    assert_read(tmp_path, "x.csv", table(columns, layout), truth, values)


@FEW
@given(truths(), LAYOUTS, st.integers(2, 5), st.sampled_from(["time", "Time (s)", "time_ms"]))
def test_tables_with_a_label_per_step_of_time(
    tmp_path: Path, truth: Truth, layout: tuple[str, bool, int], step: int, name: str
) -> None:
    """A label for every second to fifth frame holds until the next."""
    if truth.rate / step > 22:  # such steps could be frames of another rate
        step = 5
    scale = 1000 if "ms" in name else 1
    frames = range(0, truth.frames - truth.frames % step, step)
    values = np.repeat(truth.labels()[list(frames)], step)
    known = Truth(truth.frames, truth.rate, truth.bouts, truth.is_rate_known or truth.rate != 30, truth.rate)
    columns: dict[str, Sequence[object]] = {
        name: [f"{frame / truth.rate * scale:.4f}" for frame in frames],
        "label": [BEHAVIOURS[truth.labels()[frame]] for frame in frames],
    }
    expected = np.append(values, [-1] * (truth.frames - len(values)))
    assert_read(tmp_path, "m.csv", table(columns, layout), known, expected)


@FEW
@given(truths(), LAYOUTS, st.booleans())
def test_tables_of_0_and_1(tmp_path: Path, truth: Truth, layout: tuple[str, bool, int], has_index: bool) -> None:
    values = truth.labels(7)
    columns: dict[str, Sequence[object]] = {"": list(range(truth.frames))} if has_index else {}
    for i, name in enumerate(BEHAVIOURS):
        columns[name] = [-1 if value < 0 else int(value == i) for value in values]
    assert_read(tmp_path, "m.csv", table(columns, layout), truth, values)


@FEW
@given(truths(), st.integers(0, 99))
def test_the_caltech_annotator(tmp_path: Path, truth: Truth, seed: int) -> None:
    every = Labels.from_bouts(truth.bouts, BEHAVIOURS, truth.frames, "other").bouts()
    Random(seed).shuffle(every)
    rows = [f"{bout.start + 1}\t{bout.stop}\t{bout.behaviour}" for bout in every]
    head = [
        "Caltech Behavior Annotator - Annotation File",
        "",
        "Configuration file:",
        "groom\tg",
        "rear\tr",
        "other\to",
    ]
    text = "\n".join([*head, "", "S1:\tstart\tend\ttype", "-----", *rows])
    assert_read(tmp_path, "m_annot.txt", text + "\n", truth)


@pytest.mark.parametrize("rate", [25.0, 60.0])
def test_the_rate_of_the_command_line_moves_times_and_not_frames(tmp_path: Path, rate: float) -> None:
    (tmp_path / "m.csv").write_text("start_s,stop_s,label\n1.0,2.0,groom\n3.0,4.0,rear\n")
    (tmp_path / "n.csv").write_text("start_frame,stop_frame,label\n10,20,groom\n30,40,rear\n")
    videos = Videos([Video("m", rate, 1000), Video("n", rate, 1000)])
    m, n = read_annotations(tmp_path, videos=videos, notify=lambda _: None)
    assert m.channels["label"][0] == Bout(round(rate), round(2 * rate), "groom")
    assert n.channels["label"][0] == Bout(10, 20, "groom")
