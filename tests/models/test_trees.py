import json
import signal
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ssl_behavior.decoding import rebalance
from ssl_behavior.errors import InputError
from ssl_behavior.models import trees
from ssl_behavior.models.trees import Boosting, fit_trees, load_trees

FEW = Boosting(trees=20, depth=3)
Parts = tuple[list[np.ndarray], list[np.ndarray]]


@pytest.fixture
def parts() -> Parts:
    """Two recordings: one feature depends on the behaviour, another is mostly unknown."""
    rng = np.random.default_rng(0)
    labels = [rng.integers(0, 3, length) for length in (300, 200)]
    features = []
    for one in labels:
        values = rng.normal(size=(len(one), 6)).astype(np.float32)
        values[:, 0] += 2.5 * one
        values[rng.random(len(one)) < 0.7, 1] = np.nan
        features.append(values)
    return features, labels


def test_trees_are_fitted_to_all_recordings(parts: Parts) -> None:
    features, labels = parts
    trees = fit_trees(features, labels, 3, FEW)
    for x, y in zip(features, labels, strict=True):
        predicted = trees.predict(x)
        assert predicted.shape == (len(x), 3)
        assert predicted.dtype == np.float32
        np.testing.assert_allclose(predicted.sum(1), 1, atol=1e-5)
        assert (predicted.argmax(1) == y).mean() > 0.8
    np.testing.assert_allclose(trees.frequencies, np.bincount(np.concatenate(labels)) / 500)


def test_one_recording_or_several_make_no_difference(parts: Parts) -> None:
    features, labels = parts
    whole = fit_trees([np.concatenate(features)], [np.concatenate(labels)], 3, replace(FEW, rows=1.0, columns=1.0))
    apart = fit_trees(features, labels, 3, replace(FEW, rows=1.0, columns=1.0))
    np.testing.assert_allclose(whole.predict(features[0]), apart.predict(features[0]), atol=1e-3)


def test_unscored_frames_teach_nothing(parts: Parts) -> None:
    features, labels = parts
    unscored = np.arange(300) % 2 == 0
    hidden = [np.where(unscored, -1, labels[0]), labels[1]]
    other = [np.where(unscored[:, None], np.float32(9), features[0]), features[1]]
    predicted = [fit_trees(given, hidden, 3, FEW).predict(features[1]) for given in (features, other)]
    np.testing.assert_array_equal(*predicted)


def test_a_behaviour_without_frames_gets_no_probability(parts: Parts) -> None:
    features, labels = parts
    only = [np.where(one == 1, -1, one) for one in labels]
    trees = fit_trees(features, only, 4, FEW)
    predicted = trees.predict(features[0])
    assert not predicted[:, [1, 3]].any()
    assert (trees.frequencies > 0).tolist() == [True, False, True, False]
    kept = only[0] >= 0
    assert (predicted.argmax(1)[kept] == only[0][kept]).mean() > 0.9
    decided = rebalance(predicted, trees.frequencies)
    assert not decided[:, [1, 3]].any()
    np.testing.assert_allclose(decided.sum(1), 1, atol=1e-5)


def test_the_seed_gives_the_same_trees(parts: Parts) -> None:
    first, again, other = (fit_trees(*parts, 3, FEW, seed).predict(parts[0][0]) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


CHANGES: dict[str, Any] = {"trees": 5, "depth": 1, "learning_rate": 0.3, "rows": 0.3, "columns": 1.0, "bins": 4}


@pytest.mark.parametrize("name", [field.name for field in fields(Boosting)])
def test_every_setting_matters(name: str, parts: Parts) -> None:
    predicted = [fit_trees(*parts, 3, one).predict(parts[0][0]) for one in (FEW, replace(FEW, **{name: CHANGES[name]}))]
    assert not np.array_equal(*predicted)


@pytest.mark.parametrize("labels", [np.zeros(10, int), np.full(10, -1)])
def test_one_behaviour_is_not_enough(labels: np.ndarray) -> None:
    with pytest.raises(InputError, match="at least two behaviours"):
        fit_trees([np.zeros((10, 2), np.float32)], [labels], 2)


def test_weights_say_how_much_a_frame_counts(parts: Parts) -> None:
    features, labels = parts
    equal = [np.full(len(one), 1.0, np.float32) for one in labels]
    plain, same = fit_trees(*parts, 3, FEW), fit_trees(*parts, 3, FEW, weights=equal)
    np.testing.assert_array_equal(plain.predict(features[0]), same.predict(features[0]))
    # Labels of frames with weight 0 do not matter.
    ignored = [np.zeros(300, np.float32), equal[1]]
    settings = replace(FEW, rows=1.0, columns=1.0)
    one, other = (
        fit_trees(features, [given, labels[1]], 3, settings, weights=ignored) for given in (labels[0], 2 - labels[0])
    )
    np.testing.assert_array_equal(one.predict(features[0]), other.predict(features[0]))
    heavy = fit_trees(*parts, 3, FEW, weights=[np.where(one == 0, 20, 1).astype(np.float32) for one in labels])
    assert heavy.predict(features[0])[:, 0].mean() > plain.predict(features[0])[:, 0].mean() + 0.05


def test_saved_and_loaded_are_equal_to_the_bit(parts: Parts, tmp_path: Path) -> None:
    saved = fit_trees(*parts, 3, FEW)
    saved.save(tmp_path / "trees.json")
    loaded = load_trees(tmp_path / "trees.json", 6, 3)
    np.testing.assert_array_equal(loaded.frequencies, saved.frequencies)
    np.testing.assert_array_equal(loaded.predict(parts[0][0]), saved.predict(parts[0][0]))
    again = fit_trees(*parts, 3, FEW)
    again.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "trees.json").read_bytes()


def test_trees_of_other_features_are_refused(parts: Parts, tmp_path: Path) -> None:
    saved = fit_trees(*parts, 3, FEW)
    saved.save(tmp_path / "trees.json")
    with pytest.raises(ValueError, match="trees of 6 features and 3 behaviours, not 7 and 3"):
        load_trees(tmp_path / "trees.json", 7, 3)


@pytest.mark.parametrize("behaviours", [2, 4])
def test_trees_of_another_number_of_behaviours_are_refused(behaviours: int, parts: Parts, tmp_path: Path) -> None:
    fit_trees(*parts, 3, FEW).save(tmp_path / "trees.json")
    with pytest.raises(ValueError, match="behaviours"):
        load_trees(tmp_path / "trees.json", 6, behaviours)


@pytest.mark.parametrize("content", [b"", b"trees", b"\xff" * 500, b"{", b"{}", b"[]", b'{"learner": {}}'])
def test_a_file_that_holds_no_trees_is_refused(content: bytes, parts: Parts, tmp_path: Path) -> None:
    (tmp_path / "trees.json").write_bytes(content)
    with pytest.raises(ValueError, match="not boosted trees"):
        load_trees(tmp_path / "trees.json", 6, 3)


def test_ctrl_c_while_frames_are_handed_over_is_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = trees._Batches.next

    def interrupted(self: Any, give: Any) -> bool:
        signal.raise_signal(signal.SIGINT)
        return usual(self, give)

    monkeypatch.setattr(trees._Batches, "next", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit_trees([np.eye(40, 3, dtype=np.float32)], [np.arange(40) % 2], 2, Boosting(trees=2))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize(
    ("where", "name", "value"),
    [
        ("tree", "left_children", 10**6), ("tree", "right_children", -5), ("tree", "left_children", 0),
        ("tree", "left_children", True), ("tree", "left_children", 1.0), ("tree", "right_children", 10**40),
        ("tree", "split_indices", 6), ("tree", "split_indices", -1), ("tree", "split_type", 1),
        ("tree", "categories_nodes", 5), ("tree_param", "size_leaf_vector", "7"), ("tree_param", "num_nodes", "9999"),
        ("tree_param", "num_deleted", "1"), ("model", "tree_info", 3), ("model", "iteration_indptr", 10**6),
        ("learner_model_param", "num_class", "-1"), ("learner_model_param", "num_target", "9"),
    ],
)  # fmt: skip
def test_an_index_out_of_bounds_is_refused(where: str, name: str, value: Any, parts: Parts, tmp_path: Path) -> None:
    """With each of these XGBoost would read memory that is not its own, which ends the process or worse."""
    fit_trees(*parts, 3, replace(FEW, trees=2)).save(tmp_path / "trees.json")
    model = json.loads((tmp_path / "trees.json").read_text())
    booster = model["learner"]["gradient_booster"]["model"]
    tree = booster["trees"][0]
    places = {"tree": tree, "tree_param": tree["tree_param"], "model": booster, **model["learner"]}
    if isinstance(old := places[where][name], list):
        places[where][name] = [value, *old[1:]]
    else:
        places[where][name] = value
    (tmp_path / "trees.json").write_text(json.dumps(model))
    with pytest.raises(ValueError, match="not boosted trees: "):
        load_trees(tmp_path / "trees.json", 6, 3)


def test_deep_nesting_is_refused_and_a_repeated_key_is_harmless(parts: Parts, tmp_path: Path) -> None:
    path = tmp_path / "trees.json"
    path.write_text("[" * 200_000)
    with pytest.raises(ValueError, match="not boosted trees"):
        load_trees(path, 6, 3)
    saved = fit_trees(*parts, 3, replace(FEW, trees=2))
    saved.save(path)
    text = path.read_text()
    start = text.index('"left_children"')
    path.write_text(f'{text[:start]}"left_children":[99999999],{text[start:]}')
    np.testing.assert_array_equal(load_trees(path, 6, 3).predict(parts[0][0]), saved.predict(parts[0][0]))


@pytest.mark.parametrize("name", ["split_conditions", "base_weights"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_thresholds_and_leaves_that_are_not_finite_are_refused(
    name: str, value: float, parts: Parts, tmp_path: Path
) -> None:
    fit_trees(*parts, 3, FEW).save(tmp_path / "trees.json")
    model = json.loads((tmp_path / "trees.json").read_text())
    model["learner"]["gradient_booster"]["model"]["trees"][1][name][-1] = value
    (tmp_path / "trees.json").write_text(json.dumps(model))
    with pytest.raises(ValueError, match="a leaf that is not finite"):
        load_trees(tmp_path / "trees.json", 6, 3)


@pytest.mark.parametrize("frequencies", ["[0.5, 0.5, NaN]", "[0.5, 0.5, -1]", "[5, 5, 5]", "[[1], [1], [1]]"])
def test_frequencies_that_cannot_be_are_refused(frequencies: str, parts: Parts, tmp_path: Path) -> None:
    fit_trees(*parts, 3, FEW).save(tmp_path / "trees.json")
    model = json.loads((tmp_path / "trees.json").read_text())
    model["learner"]["attributes"]["frequencies"] = frequencies
    (tmp_path / "trees.json").write_text(json.dumps(model))
    with pytest.raises(ValueError, match=r"trees|frequencies"):
        load_trees(tmp_path / "trees.json", 6, 3)
