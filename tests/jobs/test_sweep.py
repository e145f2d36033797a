import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from ssl_behavior.errors import InputError
from ssl_behavior.models.checkpoints import load_encoder, load_model
from ssl_behavior.sweep import SweepConfig, sweep
from tests.fuzz.forks import FinishedCommand

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("cluster")]


def settings(tracks: Path) -> dict[str, dict[str, object]]:
    small = {"channels": 8, "blocks": 2}
    quick = {"steps": 3, "batch": 4, "clip_seconds": 2, "trees": 0, "folds": 2, "average": 0.0}
    return {
        "pretrain": {
            "recordings": [str(tracks)], "steps": 2, "batch": 2, "clip_seconds": 2, "architecture": small,
            "precision": "float32",
        },
        "finetune": {"recordings": [str(tracks)], "supervision": quick, "precision": "float32"},
    }  # fmt: skip


@pytest.fixture
def config(tracks: Path, tmp_path: Path) -> SweepConfig:
    return written(tmp_path, {**settings(tracks), "vary": {"pretrain.seed": [0, 1], "finetune.seed": [0, 5]}})


def written(tmp_path: Path, grid: dict[str, object]) -> SweepConfig:
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(grid, sort_keys=False))
    return SweepConfig(configs=tmp_path / "sweep.yaml", output=str(tmp_path / "sweep"))


def test_every_combination_is_trained_and_shared_encoders_once(
    config: SweepConfig,
    tracks: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: Callable[..., FinishedCommand],
) -> None:
    def run(name: str, settings: Path, *words: str | Path) -> None:
        """Run a command with the settings in a folder."""
        command(name, "--config", settings / "settings.yaml", *words, "--device", "cpu")

    table, output = sweep(config), Path(config.output)
    assert table[["pretrain.seed", "finetune.seed"]].values.tolist() == [[0, 0], [0, 5], [1, 0], [1, 5]]
    assert (table["problem"] == "").all()
    assert table["encoder"].nunique() == len(list((output / "encoders").iterdir())) == 2
    assert table["model"].nunique() == len(list((output / "models").iterdir())) == 4
    read = pd.read_csv(output / "results.csv")
    assert list(read) == list(table)
    np.testing.assert_allclose(read["macro_f1"], table["macro_f1"])
    row = table.iloc[1]
    report = json.loads((output / row["model"] / "cross_validation.json").read_text())
    assert row["macro_f1"] == report["macro_f1"]
    load_model(output / row["model"])
    # The commands give the same files from the settings beside each result.
    encoder, model = tmp_path / "encoder", tmp_path / "model"
    run("pretrain", output / row["encoder"], "--output", encoder)
    assert load_encoder(output / row["encoder"]).fingerprint() == load_encoder(encoder).fingerprint()
    run("finetune", output / row["model"], "--encoder", encoder, "--output", model)
    for name in ("weights.safetensors", "cross_validation.json"):
        assert (tmp_path / "model" / name).read_bytes() == (output / row["model"] / name).read_bytes()
    # A rerun with other alternatives trains only the new ones.
    capsys.readouterr()
    more = {**settings(tracks), "vary": {"pretrain.seed": [0, 1], "finetune.seed": [5, 6]}}
    again = sweep(written(tmp_path, more))
    printed = capsys.readouterr().out
    assert "pretraining: 2 of 2 done already, 0 to do" in printed
    assert "fine-tuning: 2 of 4 done already, 2 to do" in printed
    assert again["macro_f1"][0] == row["macro_f1"]


def test_failures_are_in_the_table_and_the_rest_is_trained(tracks: Path, tmp_path: Path) -> None:
    config = written(tmp_path, {**settings(tracks), "vary": {"pretrain.clip_seconds": [2, 9999]}})
    with pytest.raises(InputError, match="1 of 3 failed"):
        sweep(config)
    table = pd.read_csv(Path(config.output) / "results.csv", keep_default_na=False)
    assert list(table["pretrain.clip_seconds"]) == [2, 9999]
    assert table["problem"][0] == ""
    assert "--clip-seconds" in table["problem"][1]
    assert table["macro_f1"][1] == ""


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"pretrain": {"stesp": 3}}, r"sweep\.yaml \(pretrain\): .*stesp"),
        ({"pretrain": {"output": "x"}}, r"\(pretrain\): found output, which each worker sets itself"),
        ({"finetune": {"recordings": ["nowhere"]}}, "nowhere"),
        ({"vary": {"finetune.supervision.step": [1]}}, r"\(finetune\): .*'?supervision.step'?"),
        ({"vary": {"pretrain.steps": [2, -1]}}, r"\(pretrain\): --steps: expected a number above 0"),
    ],
)
def test_unusable_settings_are_refused_before_any_training(
    changed: dict[str, object], named: str, tracks: Path, tmp_path: Path
) -> None:
    config = written(tmp_path, {**settings(tracks), **changed})
    with pytest.raises(InputError, match=named):
        sweep(config)
    assert not Path(config.output).exists()


def test_a_folder_with_other_files_is_refused(config: SweepConfig) -> None:
    Path(config.output).mkdir()
    (Path(config.output) / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"found notes\.txt"):
        sweep(config)
