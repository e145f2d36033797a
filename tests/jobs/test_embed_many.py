"""Embedding on a Ray cluster, to a disk and to S3, with workers killed while they work."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
import torch

from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.embed import EmbedConfig, embed_recordings
from ssl_behavior.embed_many import EmbedManyConfig, embed_many
from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import native
from ssl_behavior.formats.tracks.calms21 import SKELETON
from ssl_behavior.models.checkpoints import save_encoder
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation
from ssl_behavior.simulation.simulator import simulate_recordings
from ssl_behavior.storage.object_store import Store

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("cluster")]


@pytest.fixture
def config(encoder: Path, tracks: Path, tmp_path: Path) -> EmbedManyConfig:
    return EmbedManyConfig(encoder=str(encoder), recordings=(str(tracks),), output=str(tmp_path / "many"))


def embed_without_ray(config: EmbedManyConfig, output: Path) -> Atlas:
    recordings = tuple(map(Path, config.recordings))
    return embed_recordings(
        EmbedConfig(encoder=Path(config.encoder), recordings=recordings, output=output, half=config.half, device="cpu")
    )


def complete_files(folder: Path) -> list[Path]:
    """All files but the hidden ones that a worker leaves which is killed while it writes."""
    return [path for path in folder.iterdir() if not path.name.startswith(".")]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in complete_files(folder / "videos")}


def modification_times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in complete_files(folder / "videos")}


def descendants(of: int) -> Iterator[tuple[int, str]]:
    """Yield (id, name) of the processes that a process has started, and of those that these have started."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = status.read_text().splitlines()
            parent = next(int(line.split()[1]) for line in lines if line.startswith("PPid:"))
            if parent == of:
                child = int(status.parent.name)
                yield child, (status.parent / "cmdline").read_text().split("\0")[0]
                yield from descendants(child)
        except (OSError, ProcessLookupError):
            continue  # the process has ended


def test_the_atlas_is_the_one_that_embed_writes(config: EmbedManyConfig, tmp_path: Path) -> None:
    for variant in (config, replace(config, half=True, output=f"{config.output}-half")):
        atlas, usual = Atlas(Path(embed_many(variant))), embed_without_ray(variant, tmp_path / f"usual-{variant.half}")
        assert atlas.meta == usual.meta
        assert atlas.ids == usual.ids == tuple(f"video{i:03}" for i in range(4))
        assert contents(atlas.folder) == contents(usual.folder)


def test_a_rerun_does_only_what_is_missing(
    config: EmbedManyConfig, tracks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(embed_many(config))
    before, first = modification_times(folder), contents(folder)
    embed_many(config)
    assert "4 of 4 done already, 0 to do" in capsys.readouterr().out
    assert modification_times(folder) == before
    # One recording is new, one has other content, and one has lost its mark.
    extra = simulate_recordings(5, seed=1, frames=240)[4]
    other = replace(simulate_recordings(1, seed=2, frames=240)[0], id="video001")
    native.write(tracks, [extra, other])
    next((folder / "units").glob("video002.*")).unlink()
    embed_many(config)
    assert "2 of 5 done already, 3 to do" in capsys.readouterr().out
    after = contents(folder)
    assert {name for name, then in before.items() if modification_times(folder)[name] == then} == {
        "video000.safetensors",
        "video003.safetensors",
    }
    assert {name for name, content in first.items() if after[name] == content} == set(first) - {"video001.safetensors"}
    assert len(list((folder / "units").iterdir())) == len(after) == 5


def test_another_frame_rate_makes_other_units(config: EmbedManyConfig, capsys: pytest.CaptureFixture[str]) -> None:
    atlas = Atlas(Path(embed_many(config)))
    frames = atlas.rows
    capsys.readouterr()
    embed_many(replace(config, frame_rate=15.0))
    assert "0 of 4 done already, 4 to do" in capsys.readouterr().out
    assert Atlas(atlas.folder).rows == 2 * frames


def test_another_encoder_needs_overwrite(config: EmbedManyConfig, tmp_path: Path) -> None:
    embed_many(config)
    torch.manual_seed(1)
    save_encoder(tmp_path / "other", Encoder(shared_landmarks([SKELETON]), Preparation(), Architecture(8, 2)))
    other = replace(config, encoder=str(tmp_path / "other"), recordings=(f"{config.recordings[0]}/video000.*",))
    with pytest.raises(InputError, match="--overwrite"):
        embed_many(other)
    atlas = Atlas(Path(embed_many(replace(other, overwrite=True))))
    assert atlas.ids == ("video000",)
    assert contents(atlas.folder) == contents(embed_without_ray(other, tmp_path / "usual").folder)


def test_a_bad_file_is_named_and_the_others_are_embedded(
    config: EmbedManyConfig, tracks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tracks / "bad.csv").write_text("no tracks\n")
    native.write(tracks / "misnamed.safetensors", simulate_recordings(1, seed=3, frames=240))
    with pytest.raises(InputError, match="2 of 6 failed"):
        embed_many(config)
    printed = capsys.readouterr().out
    assert f"failed: bad: {tracks}/bad.csv: expected tracks from" in printed
    assert f"{tracks}/misnamed.safetensors: expected one recording named as its file; found video000" in printed
    assert len(contents(Path(config.output))) == 4
    (tracks / "bad.csv").unlink()
    (tracks / "misnamed.safetensors").unlink()
    embed_many(config)
    assert "4 of 4 done already" in capsys.readouterr().out


def test_files_of_deeplabcut_beside_tracks_are_passed_over(
    config: EmbedManyConfig, tracks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tracks / "video000_skeleton.csv").write_text("scorer,a\nbones,b\ncoords,length\n")
    assert [unit.label for unit in config.units()] == [f"video00{number}" for number in range(4)]
    assert "video000_skeleton.csv: passed over" in capsys.readouterr().out


def test_the_choice_of_animals_makes_other_units_and_is_followed(config: EmbedManyConfig, tmp_path: Path) -> None:
    chosen = replace(config, individuals=("intruder",))
    assert {unit.digest for unit in chosen.units()}.isdisjoint(unit.digest for unit in config.units())
    assert chosen.read_recording(chosen.units()[0], tmp_path).individuals == ("intruder",)


def test_files_of_the_same_video_are_refused(config: EmbedManyConfig, tracks: Path) -> None:
    (tracks / "video001.csv").touch()
    with pytest.raises(InputError, match="expected one file per video; found several of video001"):
        embed_many(config)
    assert not Path(config.output).exists()


def test_files_of_one_name_in_several_folders_are_several_videos(config: EmbedManyConfig, tracks: Path) -> None:
    for number, folder in enumerate(("a", "b")):
        (tracks / folder).mkdir()
        (tracks / f"video00{number}.safetensors").rename(tracks / folder / "trial.safetensors")
    for folder in ("a", "b"):
        (recording,) = native.read(tracks / folder / "trial.safetensors")
        native.write(tracks / folder / "trial.safetensors", [replace(recording, id="trial")])
    # Converted files of ids that are alike as names of files.
    native.write(tracks, [replace(recording, id=name) for name in ("c/d", "c_d", "CON")])
    ids = {"a/trial", "b/trial", "c/d", "c_d", "CON", "video002", "video003"}
    atlas = Atlas(Path(embed_many(config)))
    assert set(atlas.ids) == ids
    assert all(name in atlas for name in ids)


def test_from_and_to_s3(
    config: EmbedManyConfig,
    folder: Callable[[str], str],
    tracks: Path,
    encoder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, local in (("tracks", tracks), ("encoder", encoder)):
        for file in local.iterdir():
            Store(folder(name)).put(file.name, file)
    remote = replace(
        config, encoder=folder("encoder"), recordings=(folder("tracks/*.safetensors"),), output=folder("atlas")
    )
    store = Store(embed_many(remote))
    names = sorted(store.names())
    assert [name for name in names if not name.startswith("units/")] == [
        "atlas.yaml", "settings.yaml", *(f"videos/video{i:03}.safetensors" for i in range(4))
    ]  # fmt: skip
    for name, content in store.read(names).items():
        copy = tmp_path / "copy" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(content)
    assert Atlas(tmp_path / "copy").rows == 4 * 2 * 120
    assert contents(tmp_path / "copy") == contents(embed_without_ray(config, tmp_path / "usual").folder)
    # A rerun does only the new file. It is no recording, and the message names its address.
    (tmp_path / "bad.csv").write_text("no tracks\n")
    Store(folder("tracks")).put("bad.csv", tmp_path / "bad.csv")
    capsys.readouterr()
    with pytest.raises(InputError, match="1 of 1 failed"):
        embed_many(replace(remote, recordings=(folder("tracks"),)))
    printed = capsys.readouterr().out
    assert "4 of 5 done already, 1 to do" in printed
    assert f"failed: bad: {folder('tracks')}/bad.csv: expected tracks" in printed


def test_killing_a_worker_does_not_change_the_result(config: EmbedManyConfig, tmp_path: Path) -> None:
    native.write(Path(config.recordings[0]), simulate_recordings(8, seed=1, frames=6000))
    killed: list[int] = []

    def kill_a_worker() -> None:
        wait_for(lambda: bool(killed.extend(at_work(os.getpid(), "ray::embedding")) or killed))
        os.kill(killed[0], signal.SIGKILL)

    killer = Thread(target=kill_a_worker)
    killer.start()
    atlas = embed_many(config)
    killer.join()
    assert not Path(f"/proc/{killed[0]}").exists()
    assert contents(Path(atlas)) == contents(embed_without_ray(config, tmp_path / "usual").folder)


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_command_continues_when_it_is_run_again(
    sent: signal.Signals, code: int, config: EmbedManyConfig, tmp_path: Path
) -> None:
    native.write(Path(config.recordings[0]), simulate_recordings(60, seed=1, frames=240))
    count = len(list(Path(config.recordings[0]).iterdir()))
    words = ["--encoder", config.encoder, "--recordings", *config.recordings, "--output", config.output]
    with subprocess.Popen(
        [sys.executable, "-m", "ssl_behavior.embed_many", *words], stderr=subprocess.PIPE, text=True
    ) as process:
        wait_for(lambda: any(Path(config.output, "units").glob("*.json")))
        workers = at_work(process.pid, "ray::")
        process.send_signal(sent)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == code, errors
    assert "interrupted" in errors
    assert "Traceback" not in errors
    assert "SIGTERM received" not in errors
    wait_for(lambda: not any(Path(f"/proc/{child}").exists() for child in workers))
    time.sleep(1)  # for workers that were about to start
    before = modification_times(Path(config.output))
    marks = len(complete_files(Path(config.output, "units")))
    assert 0 < marks < count
    embed_many(config)
    after = modification_times(Path(config.output))
    assert len(after) == count
    assert sum(after[name] == then for name, then in before.items()) == marks
    assert contents(Path(config.output)) == contents(embed_without_ray(config, tmp_path / "usual").folder)


def at_work(of: int, name: str) -> list[int]:
    """Return descendants of a process whose name starts with ``name``."""
    return [child for child, process in descendants(of) if process.startswith(name)]


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
