import csv
import json
import re
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
import torch

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import native
from ssl_behavior.formats.tracks.calms21 import SKELETON
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.label_curve import LabelCurveConfig, _next_steps, label_curve
from ssl_behavior.models.checkpoints import save_encoder
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.simulation.simulator import simulate_recordings
from ssl_behavior.training.supervised import Supervision
from tests.fuzz.forks import FinishedCommand


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("label_curve")
    native.write(folder / "tracks", simulate_recordings(6, seed=2, frames=300))
    torch.manual_seed(0)
    save_encoder(folder / "encoder", Encoder(shared_landmarks([SKELETON]), Preparation(), Architecture(8, 2)))
    return folder


@pytest.fixture
def config(folder: Path, tmp_path: Path) -> LabelCurveConfig:
    return LabelCurveConfig(
        encoder=folder / "encoder",
        recordings=(folder / "tracks",),
        output=tmp_path / "curve",
        sizes=(1, 3),
        draws=2,
        variants=("frozen-linear",),
        supervision=Supervision(steps=2, trees=2),
        device="cpu",
        precision="float32",
    )


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the points that the command fits during the test."""
    names: list[str] = []
    module = import_module("ssl_behavior.label_curve")  # the package's attribute of this name is the function
    usual = module._fit

    def fit(task, *rest):  # type: ignore[no-untyped-def]
        names.append(task.name)
        return usual(task, *rest)

    monkeypatch.setattr(module, "_fit", fit)
    return names


def table(output: Path) -> list[dict[str, str]]:
    with (output / "curve.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_the_whole_command(command: Callable[..., FinishedCommand], folder: Path, tmp_path: Path) -> None:
    words = ["--encoder", folder / "encoder", "--recordings", folder / "tracks", "--output", tmp_path / "curve"]
    words += ["--sizes", 2, "--draws", 1, "--supervision.steps", 2, "--supervision.trees", 3, "--device", "cpu"]
    done = command("label_curve", *words)
    assert "tested on 2 of them: video" in done.out
    assert "Inductive: the encoder was pretrained on other tracks than those of the test videos." in done.out
    assert re.search(r"^videos  pretrained +from scratch +expert features$", done.out, re.MULTILINE)
    assert "At 2 labelled videos: pretrained 0." in done.out
    assert "pretrained, 2 labelled, draw 1 of 1" in done.err
    assert {path.name for path in (tmp_path / "curve").iterdir()} == {
        "curve.csv", "curve.json", "curve.png", "points", "settings.yaml",
    }  # fmt: skip
    assert [row["variant"] for row in table(tmp_path / "curve")] == ["pretrained", "from scratch", "expert features"]
    assert (tmp_path / "curve" / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_no_test_video_is_in_a_draw_and_bands_hold_the_mean(config: LabelCurveConfig) -> None:
    report = label_curve(replace(config, test_videos=("video001", "video002", "video005")))
    tested = set(report["test_videos"])
    rows = table(config.output)
    assert len(tested) == 3
    assert len(rows) == 4
    for row in rows:
        trained_on = row["videos"].split("; ")
        assert len(set(trained_on)) == int(row["size"])
        assert set(trained_on) <= set(report["other_videos"]) - tested
    assert json.loads((config.output / "curve.json").read_text()) == report
    for point in report["curve"]:
        scores = [float(row["macro F1"]) for row in rows if int(row["size"]) == point["size"]]
        assert point["macro_f1"]["mean"] == pytest.approx(sum(scores) / 2, abs=1e-4)
        low, high = point["macro_f1"]["interval"]
        assert low <= point["macro_f1"]["mean"] <= high


def test_a_point_is_not_fitted_twice(
    config: LabelCurveConfig, fitted: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    report = label_curve(config)
    points = config.output / "points"
    assert fitted == [f"frozen-linear-{size}-{draw}" for draw in (0, 1) for size in (1, 3)]
    former = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in points.glob("frozen*.json")}
    # Interrupted after three points; then more draws and sizes of the same.
    (points / "frozen-linear-3-1.json").unlink()
    fitted.clear()
    assert label_curve(config) == report
    assert fitted == ["frozen-linear-3-1"]
    assert "3 of 4 points were fitted before" in capsys.readouterr().out
    label_curve(replace(config, sizes=(1, 2, 3), draws=3))
    assert fitted[1:] == ["frozen-linear-2-0", "frozen-linear-2-1"] + [f"frozen-linear-{n}-2" for n in (1, 2, 3)]
    assert all(
        (path.stat().st_mtime_ns, path.read_bytes()) == then for path, then in former.items() if "3-1" not in path.name
    )


def test_other_settings_are_refused_and_overwritten(config: LabelCurveConfig, fitted: list[str]) -> None:
    label_curve(config)
    fitted.clear()
    with pytest.raises(InputError, match=r"another --seed; .*--overwrite"):
        label_curve(replace(config, seed=1))
    assert fitted == []
    label_curve(replace(config, seed=1, overwrite=True))
    assert len(fitted) == 4


def test_a_folder_of_something_else_is_left_alone(config: LabelCurveConfig) -> None:
    config.output.mkdir()
    (config.output / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="--overwrite"):
        label_curve(config)
    assert [path.name for path in config.output.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sizes": (5,)}, r"--sizes 5: expected 1 to 4, .* without the 2 test videos"),
        ({"sizes": (0, 2)}, "--sizes 0: expected 1 to 4"),
        ({"videos": ("video000", "video001")}, "at least 3 labelled videos, 2 of them to test on; found 2"),
        ({"test_videos": ("video001", "video9")}, "--test-videos video9: expected ids among the labelled videos"),
        ({"test_videos": ("video001",)}, "--test-videos: expected at least 2 of the 6"),
        ({"test_videos": tuple(f"video00{i}" for i in range(6))}, "some must be left to train on"),
        ({"test_share": 25.0}, "--test-share: expected a share .* and found 25"),
        ({"variants": ("scratch",)}, "--variants scratch: expected names among pretrained, from-scratch"),
        ({"variants": ()}, "--variants: expected at least one of pretrained"),
        (
            {"variants": ("expert-features",), "supervision": Supervision(trees=0)},
            "--variants expert-features: expected --supervision.trees above 0",
        ),
        ({"draws": 0}, "--draws: expected a number above 0"),
        ({"channel": "S7"}, "no channel 'S7'"),
    ],
)
def test_inputs_that_do_not_go_together_are_refused(
    changed: dict[str, object], message: str, config: LabelCurveConfig
) -> None:
    with pytest.raises(InputError, match=message):
        label_curve(replace(config, **changed))  # type: ignore[arg-type]
    assert not config.output.exists()


def test_test_videos_can_be_chosen(config: LabelCurveConfig, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = ("video002", "video005")
    report = label_curve(replace(config, test_videos=chosen, sizes=(), draws=1))
    assert report["test_videos"] == list(chosen)
    assert {point["size"] for point in report["curve"]} == {1, 3, 4}
    assert "tested on 2 of them: video002, video005" in capsys.readouterr().out


def test_encoder_and_labels_are_part_of_the_run(config: LabelCurveConfig, folder: Path, tmp_path: Path) -> None:
    """The same settings with other content under the same names are another run."""
    torch.manual_seed(1)
    moved = tmp_path / "encoder"
    save_encoder(moved, Encoder(shared_landmarks([SKELETON]), Preparation(), Architecture(8, 2)))
    config = replace(config, encoder=moved, sizes=(1,), draws=1)
    label_curve(config)
    save_encoder(moved, Encoder(shared_landmarks([SKELETON]), Preparation(), Architecture(8, 2)))
    with pytest.raises(InputError, match="another encoder"):
        label_curve(config)


@pytest.mark.parametrize(
    ("pretrained_on", "message"),
    [((), "Inductive: the encoder"), ((2,), "the tracks, not the labels, of 1 of the 2 test"), ((2, 5), "of all test")],
)
def test_it_says_whether_the_encoder_has_seen_the_test_videos(
    pretrained_on: tuple[int, ...],
    message: str,
    config: LabelCurveConfig,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    encoder = Encoder(shared_landmarks([SKELETON]), Preparation(), Architecture(8, 2))
    recordings = simulate_recordings(6, seed=2, frames=300)
    seen = [prepare(recordings[i], encoder.landmarks, encoder.preparation) for i in pretrained_on]
    save_encoder(tmp_path / "encoder", encoder, seen)
    config = replace(config, encoder=tmp_path / "encoder", sizes=(1,), draws=1, test_videos=("video002", "video005"))
    assert label_curve(config)["test_videos_seen_in_pretraining"] == sorted(f"video00{i}" for i in pretrained_on)
    assert message in capsys.readouterr().out
    # Videos that were cut short since are recognised by their names.
    cut = [
        replace(video, positions=video.positions[:-10], centre=video.centre[:-10], heading=video.heading[:-10])
        for video in seen
    ]
    save_encoder(tmp_path / "encoder", encoder, cut)
    again = label_curve(replace(config, output=tmp_path / "again"))
    assert again["test_videos_seen_in_pretraining"] == sorted(f"video00{i}" for i in pretrained_on)


@pytest.mark.real
@pytest.mark.slow
def test_the_real_dyads(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    ids = ("7", "16", "25", "33")
    tracks = tuple(next(shared_data("dyads/tracks").glob(f"{video}DLC_*.csv.gz")) for video in ids)
    landmarks = shared_landmarks([read_recordings(tracks[:1])[0].skeleton])
    save_encoder(tmp_path / "encoder", Encoder(landmarks, Preparation(), Architecture(8, 2)))
    report = label_curve(
        LabelCurveConfig(
            encoder=tmp_path / "encoder",
            recordings=tracks,
            annotations=tuple(shared_data("dyads/annotations") / f"{video}_annot.txt" for video in ids),
            channel="S1",
            unscored=("base",),
            output=tmp_path / "curve",
            test_videos=("7", "25"),
            draws=1,
            variants=("frozen-linear",),
            supervision=Supervision(steps=2),
            device="cpu",
        )
    )
    assert sorted(report["behaviours"]) == ["aggression", "nonsocial", "social"]
    assert report["in_the_means"] == report["behaviours"]
    assert [point["size"] for point in report["curve"]] == [1, 2]
    assert report["other_videos"] == ["16", "33"]


def test_the_next_command_has_the_options_of_the_labels(
    config: LabelCurveConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    _next_steps(replace(config, channel="S1", unscored=("base", "not seen")), {})
    assert "--channel S1 --unscored base 'not seen' --output" in capsys.readouterr().out
