"""``repair`` as a command: exchanged animals are exchanged back, and a person's decisions are taken back."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks import native
from ssl_behavior.formats.tracks.read import read_recordings
from ssl_behavior.repair import RepairConfig, repair
from tests.tracking.animals import exchanged, recorded, walkers


@pytest.fixture
def tracks(tmp_path: Path) -> Path:
    """A folder with a recording of two animals, exchanged at frames 150, 300 and 310, and a sound one of three."""
    folder = tmp_path / "tracks"
    spoilt = recorded(exchanged(walkers(5), 150, 300, 310))
    native.write(folder, [spoilt, recorded(walkers(7, animals=3), "sound")])
    return folder


def positions(folder: Path) -> dict[str, np.ndarray]:
    return {each.id: np.asarray(each.positions) for each in read_recordings(folder, notify=lambda _: None)}


def test_exchanged_animals_are_exchanged_back(tracks: Path, command: Callable, tmp_path: Path) -> None:
    done = command("repair", "--recordings", tracks, "--output", tmp_path / "out")
    assert "pair: 2 exchanges, 1 of them taken back within 2 s, 0 doubtful" in done.out
    assert "sound: 0 exchanges" in done.out
    assert f"--apply {tmp_path / 'out/exchanges.csv'}" in done.out
    np.testing.assert_array_equal(positions(tmp_path / "out")["pair"], walkers(5).astype(np.float32))
    table = pd.read_csv(tmp_path / "out/exchanges.csv")
    assert table[["video", "start", "individual_1", "individual_2", "decision"]].to_numpy().tolist() == [
        ["pair", 150, "a", "b", "exchange"],
        ["pair", 300, "a", "b", "exchange"],
    ]
    assert np.isnan(table["stop"][0])
    assert table["stop"][1] == 310
    # The folder is what the next command reads; the table in it is passed over, and said to be.
    check = command("check", "--recordings", tmp_path / "out", "--output", tmp_path / "checks")
    assert "passed over, as this is no tracks but exchanges of this program" in check.out
    assert not any(line.startswith("exchanged") for line in check.out.splitlines())


def test_a_persons_decisions_are_applied(tracks: Path, command: Callable, tmp_path: Path) -> None:
    command("repair", "--recordings", tracks, "--output", tmp_path / "out")
    table = (tmp_path / "out/exchanges.csv").read_text().splitlines()
    assert table[1].endswith(table[2].rpartition(",")[2])
    table[1] = table[1].replace("exchange", "keep")
    table += ["pair,350,,b,a,,,,exchange,", "sound,10,20,a,c,,,,exchange,"]
    reviewed = tmp_path / "reviewed.csv"
    reviewed.write_text("\n".join(table), encoding="utf-8")
    words = ("--recordings", tracks, "--apply", reviewed, "--output", tmp_path / "reviewed")
    done = command("repair", *words)
    assert "pair: 2 exchanges" in done.out
    after = positions(tmp_path / "reviewed")
    np.testing.assert_array_equal(after["pair"], exchanged(walkers(5), 150, 350).astype(np.float32))
    expected = exchanged(walkers(7, animals=3), 10, 20, pair=(0, 2))
    np.testing.assert_array_equal(after["sound"], expected.astype(np.float32))
    # What was applied is written again, and gives the same once more.
    again = ("--recordings", tracks, "--apply", tmp_path / "reviewed/exchanges.csv", "--output", tmp_path / "again")
    command("repair", *again)
    np.testing.assert_array_equal(positions(tmp_path / "again")["pair"], after["pair"])


def test_doubtful_exchanges_are_drawn(tracks: Path, tmp_path: Path) -> None:
    whole = walkers(11)
    whole[100:112, 1] = whole[100:112, 0] + np.random.default_rng(0).normal(0, 1.5, (12, 1, 2))  # one lies on the other
    native.write(tracks / "close.safetensors", [recorded(whole, "close")])
    results = repair(RepairConfig(recordings=(tracks,), output=tmp_path / "out", penalty=0.0))
    doubtful = [change for result in results for change in result.changes if change.probability < 0.95]
    assert doubtful
    assert len(list((tmp_path / "out/pictures").glob("*.png"))) == len(doubtful)


HEAD = "video,start,stop,individual_1,individual_2,decision\n"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (HEAD + "other,1,,a,b,exchange", r"line 2: expected one of the recordings .*found video 'other'"),
        (HEAD + "pair,1,,a,b,maybe", "expected the decision exchange or keep; found 'maybe'"),
        (HEAD + "pair,1,,a,z,exchange", "expected individuals of pair, .*found 'z'"),
        (HEAD + "pair,1,,a,a,exchange", "expected two individuals and frames"),
        (HEAD + "pair,x,,a,b,exchange", "expected two individuals and frames"),
        (HEAD + "pair,1,1,a,b,exchange", "expected a start below the stop, within the 400 frames of pair; found 1, 1"),
        (HEAD + "pair,5,900,a,b,exchange", "expected a start below the stop, within the 400 frames"),
        (HEAD + "pair,400,,a,b,exchange", "expected a start below the stop, within the 400 frames"),
        (HEAD[:-1] + ",fingerprint\npair,1,,a,b,exchange,0123456789ab", "found other tracks of this name"),
        ("frame,label\n1,a", "expected the columns video, start, .*found no video"),
        ("", "expected the columns"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_and_nothing_is_written(
    table: str, message: str, tracks: Path, tmp_path: Path
) -> None:
    (tmp_path / "table.csv").write_text(table, encoding="utf-8")
    output = tmp_path / "out"
    with pytest.raises(InputError, match=message):
        repair(RepairConfig(recordings=(tracks,), output=output, apply=tmp_path / "table.csv"))
    assert not [path for path in output.rglob("*") if path.is_file() and not path.name.startswith(".")]


def test_a_table_from_a_spreadsheet_or_pandas_is_read(tracks: Path, tmp_path: Path) -> None:
    repair(RepairConfig(recordings=(tracks,), output=tmp_path / "out"))
    original = tmp_path / "out/exchanges.csv"
    pd.read_csv(original).to_csv(tmp_path / "pandas.csv", index=False)
    semicolons = original.read_text().replace(",", ";").replace("exchange;", "Exchange;")
    (tmp_path / "semicolons.csv").write_text(semicolons, encoding="utf-8")
    for name in ("pandas", "semicolons"):
        repair(RepairConfig(recordings=(tracks,), output=tmp_path / name, apply=tmp_path / f"{name}.csv"))
        np.testing.assert_array_equal(positions(tmp_path / name)["pair"], walkers(5).astype(np.float32))


def test_rows_that_keep_the_names_stay_in_the_table(tracks: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text(HEAD + "pair,150,,a,b,keep\n", encoding="utf-8")
    repair(RepairConfig(recordings=(tracks,), output=tmp_path / "out", apply=table))
    assert pd.read_csv(tmp_path / "out/exchanges.csv")["decision"].tolist() == ["keep"]


def test_recordings_that_are_read_are_not_replaced(tracks: Path, tmp_path: Path) -> None:
    before = {file: file.read_bytes() for file in tracks.iterdir()}
    with pytest.raises(InputError, match="expected a folder without the recordings that are read"):
        repair(RepairConfig(recordings=(tracks,), output=tracks, overwrite=True))
    assert {file: file.read_bytes() for file in before} == before


def test_a_penalty_with_a_table_is_refused(tracks: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected it without --apply"):
        RepairConfig(recordings=(tracks,), output=tmp_path, apply=tmp_path / "table.csv", penalty=3.0)


def test_a_lone_animal_is_refused_or_skipped(tracks: Path, command: Callable, tmp_path: Path) -> None:
    native.write(tracks / "alone.safetensors", [recorded(walkers(animals=1), "alone")])
    words = ("--recordings", tracks, "--output", tmp_path / "out")
    with pytest.raises(InputError, match=r"found 1 individual, .*--skip-bad-files leaves it out"):
        repair(RepairConfig(recordings=(tracks,), output=tmp_path / "out"))
    done = command("repair", *words, "--skip-bad-files")
    assert "skipped: alone.csv" in done.out
    assert set(positions(tmp_path / "out")) == {"pair", "sound"}


def test_a_table_that_is_no_text_or_does_not_exist_is_refused(tracks: Path, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_bytes(b"\xff\xfe\x00\x01")
    for name, message in (("table.csv", "expected a table with commas in UTF-8"), ("none.csv", "found no such file")):
        with pytest.raises(InputError, match=message):
            repair(RepairConfig(recordings=(tracks,), output=tmp_path / "out", apply=tmp_path / name))
