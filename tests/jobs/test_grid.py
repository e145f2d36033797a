from pathlib import Path

import pytest

from ssl_behavior.errors import InputError
from ssl_behavior.jobs.grid import read_grid, settings_of
from ssl_behavior.pretrain import PretrainConfig

NAMES = ("pretrain", "finetune")


def grid(tmp_path: Path, text: str) -> Path:
    (tmp_path / "sweep.yaml").write_text(text)
    return tmp_path / "sweep.yaml"


def test_every_combination_occurs_once(tmp_path: Path) -> None:
    path = grid(
        tmp_path,
        "pretrain: {recordings: [a], objective: {contrast_weight: 1}}\n"
        "finetune: {}\n"
        "vary: {pretrain.seed: [0, 1], pretrain.objective.masked_weight: [0.5, 2], finetune.videos: [[a], [a, b]]}\n",
    )
    grid_points = read_grid(path, NAMES)
    assert len(grid_points) == 8
    assert [each.varied["pretrain.seed"] for each in grid_points] == [0] * 4 + [1] * 4
    assert grid_points[1].varied == {
        "pretrain.seed": 0,
        "pretrain.objective.masked_weight": 0.5,
        "finetune.videos": ["a", "b"],
    }
    assert grid_points[-1].sections == {
        "pretrain": {"recordings": ["a"], "objective": {"contrast_weight": 1, "masked_weight": 2}, "seed": 1},
        "finetune": {"videos": ["a", "b"]},
    }


def test_without_alternatives_there_is_one_combination(tmp_path: Path) -> None:
    (configuration,) = read_grid(grid(tmp_path, "pretrain: {seed: 3}\nfinetune: {}\n"), NAMES)
    assert (configuration.varied, configuration.sections["pretrain"]) == ({}, {"seed": 3})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("pretrain: {}\n", "expected the sections pretrain, finetune and perhaps vary; found pretrain"),
        ("pretrain: {}\nfinetune: {}\nvayr: {}\n", "found finetune, pretrain, vayr"),
        ("- pretrain\n", "found list"),
        ("pretrain: [1\n", "expected YAML"),
        ("pretrain: 3\nfinetune: {}\n", "expected settings in the section pretrain; found 3"),
        ("pretrain: {}\nfinetune: {}\nvary: {pretrain.seed: 3}\n", r"expected lines like 'pretrain.seed: \[0, 1\]'"),
        ("pretrain: {}\nfinetune: {}\nvary: {pretrain.seed: []}\n", "expected lines like"),
        ("pretrain: {}\nfinetune: {}\nvary: {seed: [1]}\n", "expected settings of pretrain or finetune .* found seed"),
        ("pretrain: {}\nfinetune: {}\nvary: {pretrain: [1]}\n", "expected the name of a setting .* found pretrain"),
        ("pretrain: {a: 1}\nfinetune: {}\nvary: {pretrain.a.b: [1]}\n", "expected the name of a setting"),
    ],
)
def test_a_file_that_is_no_grid_is_refused(text: str, named: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"sweep\.yaml: .*{named}"):
        read_grid(grid(tmp_path, text), NAMES)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.yaml: expected a YAML file"):
        read_grid(tmp_path / "none.yaml", NAMES)


def test_sections_are_parsed_as_the_settings_of_their_command() -> None:
    section = {"recordings": ["s3://bucket/a.csv"], "objective": {"contrast_weight": 1.5}, "steps": 10}
    settings = settings_of(PretrainConfig, section, "here")
    assert (settings.steps, settings.objective.contrast_weight) == (10, 1.5)
    with pytest.raises(InputError, match=r"^here: .*no setting 'stesp'"):
        settings_of(PretrainConfig, {"stesp": 10}, "here")
    with pytest.raises(InputError, match=r"^here: --steps takes a whole number"):
        settings_of(PretrainConfig, {"steps": "many"}, "here")
