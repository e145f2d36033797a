"""Learning who does what to whom: three states of a label, laboratories, several networks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ssl_behavior.errors import InputError
from ssl_behavior.formats.tracks.calms21 import CHANNEL, SKELETON
from ssl_behavior.models.checkpoints import is_of_pairs, load_model, load_pair_model, save_pair_model
from ssl_behavior.models.classifier import Classifier
from ssl_behavior.models.encoder import Encoder
from ssl_behavior.models.ensemble import tree_logits
from ssl_behavior.models.heads import UNASKED, classification_loss, mask_unasked
from ssl_behavior.models.tcn import Architecture
from ssl_behavior.models.tree_examples import fit_tree_member, tree_examples
from ssl_behavior.models.trees import Boosting, fit_trees
from ssl_behavior.poses.landmarks import shared_landmarks
from ssl_behavior.poses.prepare import Preparation
from ssl_behavior.predictions.pair_labelling import predict_pairs
from ssl_behavior.recordings.annotations import OTHER
from ssl_behavior.recordings.labels import Labels
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.simulation.simulator import simulate_recordings
from ssl_behavior.training.labelled_clips import draw_weights
from ssl_behavior.training.pair_finetuning import PairResult, finetune_pairs
from ssl_behavior.training.pair_inputs import pair_units, shown_behaviours
from ssl_behavior.training.supervised import Supervision, train_classifier

LANDMARKS = shared_landmarks([SKELETON])
FEW = Supervision(steps=3, batch=4, clip_seconds=2.0, trees=3, folds=2)
AGENT, TARGET = "resident", "intruder"


def make_encoder() -> Encoder:
    torch.manual_seed(5)
    return Encoder(LANDMARKS, Preparation(), Architecture(8, 2)).eval()


def of_two_labs(count: int = 4) -> list[Recording]:
    """Recordings with labels of both ordered pairs and of the intruder alone; laboratory b asks for less."""
    recordings = []
    for number, recording in enumerate(simulate_recordings(count, seed=3, frames=900)):
        truth, lab = recording.labels[CHANNEL], "ab"[number % 2]
        behaviours = ("attack", "investigation", "mount", "rear", OTHER)
        values = truth.with_behaviours(behaviours).values
        nothing = np.full_like(values, 4)
        rears = nothing.copy()
        rears[100:200] = 3
        asked = ("attack", "investigation", OTHER) if lab == "b" else ("attack", "investigation", "mount", OTHER)
        values = np.where(np.isin(values, [behaviours.index(name) for name in asked]), values, 4)
        labels = {
            "resident-intruder": Labels(behaviours, values, (AGENT, TARGET), asked),
            "intruder-resident": Labels(behaviours, nothing, (TARGET, AGENT), asked),
            "intruder": Labels(behaviours, rears, (TARGET, TARGET), ("rear", OTHER)),
        }
        recordings.append(replace(recording, labels=labels, metadata={"lab": lab}))
    return recordings


@pytest.fixture(scope="module")
def recordings() -> list[Recording]:
    return of_two_labs()


@pytest.fixture(scope="module")
def learned(recordings: list[Recording]) -> PairResult:
    units, behaviours = pair_units(recordings, make_encoder(), 2.0)
    return finetune_pairs(make_encoder(), units, behaviours, shown_behaviours(recordings), FEW, 0, "float32", members=3)


def test_a_behaviour_that_nobody_asked_for_neither_costs_nor_learns() -> None:
    logits = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    target, weights = torch.eye(3)[[0, 1, 0, 1, 0, 0]], torch.tensor([1.0, 2.0, 5.0])
    masked = mask_unasked(logits, torch.tensor([True, True, False]))
    loss = classification_loss(masked, target, weights, smoothing=0.1)
    assert torch.isclose(loss, classification_loss(logits[:, :2], target[:, :2], weights[:2], smoothing=0.1))
    (gradient,) = torch.autograd.grad(loss, logits)
    assert (gradient[:, 2] == 0).all()
    assert (gradient[:, :2] != 0).all()


def test_the_masked_softmax_of_trees_is_xgboosts_own_where_everything_is_asked() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(400, 5)).astype(np.float32)
    labels = np.digitize(features[:, 0] + 0.3 * rng.normal(size=400), [-0.5, 0.5])
    settings = Boosting(trees=60, rows=1.0, columns=1.0)
    own = fit_trees([features], [labels], 3, settings)
    masked = fit_trees([features], [labels], 3, settings, asked=[np.ones(3, bool)])
    np.testing.assert_allclose(masked.predict(features), own.predict(features), atol=0.1)


def test_trees_tell_two_behaviours_apart_that_no_laboratory_asks_for_together() -> None:
    """Laboratory 1 asks for behaviours 0 and 2, laboratory 2 for 1 and 2; neither says that the other's is absent."""
    rng = np.random.default_rng(0)
    features = [rng.normal(size=(300, 2)).astype(np.float32) for _ in range(2)]
    labels = [np.where(features[i][:, i] > 0, i, 2) for i in range(2)]
    asked = [np.array([True, False, True]), np.array([False, True, True])]
    trees = fit_trees(features, labels, 3, Boosting(trees=40, rows=1.0, columns=1.0), asked=asked)
    both = np.array([[2.0, 2.0], [2.0, -2.0], [-2.0, 2.0], [-2.0, -2.0]], np.float32)
    first, second, neither = trees.predict(both).T
    assert first[1] > 0.7
    assert second[2] > 0.7
    assert neither[3] > 0.7
    assert neither[0] < 0.3
    np.testing.assert_allclose(trees.frequencies, [np.mean(labels[0] == 0), np.mean(labels[1] == 1), 0.5], atol=0.1)


def test_laboratories_are_drawn_evenly_and_so_are_the_behaviours_of_one(recordings: list[Recording]) -> None:
    units, behaviours = pair_units([*recordings, recordings[0]][:3], make_encoder(), 2.0)
    weights = draw_weights(units, len(behaviours))
    of_lab = {lab: sum(w.sum() for unit, w in zip(units, weights, strict=True) if unit.lab == lab) for lab in "ab"}
    assert of_lab["a"] == pytest.approx(1.0)
    assert of_lab["b"] == pytest.approx(1.0)
    rears = sum(
        w[unit.labels == behaviours.index("rear")].sum()
        for unit, w in zip(units, weights, strict=True)
        if unit.lab == "b"
    )
    shown = {name for unit in units if unit.lab == "b" for name in np.array(behaviours)[np.unique(unit.labels)]}
    assert rears > 0.5 / len(shown)


def test_a_network_learns_the_opposite_habits_of_two_laboratories(recordings: list[Recording]) -> None:
    """The same frames have the opposite labels in two laboratories; an unknown laboratory gets neither."""
    units, _ = pair_units(recordings[:1], make_encoder(), 2.0)
    everything = np.ones(2, bool)
    half = (np.arange(len(units[0].labels)) % 200 < 100).astype(int)
    opposite = [replace(units[0], labels=(half if lab == "a" else 1 - half), asked=everything, lab=lab) for lab in "ab"]
    torch.manual_seed(0)
    model = Classifier(make_encoder(), "linear", 2, ("a", "b"))
    codes = torch.tensor(np.stack([half, 1 - half, np.ones_like(half)], 1)).float().repeat(1, 3)[:, :8]
    embedded = {(unit.poses.id, pair): codes for unit in opposite for pair in unit.pairs}
    settings = Supervision(steps=300, batch=4, clip_seconds=2.0, learning_rate=0.02, drop_labs=0.2, weight_decay=0.0)
    train_classifier(model, opposite, settings, 0, "float32", embedded)
    with torch.inference_mode():
        a, b, unknown = (
            model.score(codes[None], model.lab_numbers([lab]))[0].softmax(-1)[:, 1].numpy() for lab in ("a", "b", "c")
        )
    assert np.abs(a - half).mean() < 0.1
    assert np.abs(b - (1 - half)).mean() < 0.1
    assert np.abs(unknown - 0.5).mean() < 0.2


def test_by_default_the_network_takes_all_laboratories_alike(recordings: list[Recording]) -> None:
    units, behaviours = pair_units(recordings, make_encoder(), 2.0)

    def trained(labs: tuple[str, ...]) -> dict[str, torch.Tensor]:
        torch.manual_seed(0)
        model = Classifier(make_encoder(), "linear", len(behaviours), labs)
        train_classifier(model, units, FEW, 0, "float32")
        return {name: value for name, value in model.state_dict().items() if not name.startswith("habits")}

    told, untold = trained(("a", "b")), trained(())
    assert all(torch.equal(told[name], untold[name]) for name in untold)


def test_units_say_what_was_asked_and_hold_for_the_right_pairs(recordings: list[Recording]) -> None:
    units, behaviours = pair_units(recordings, make_encoder(), 2.0)
    assert behaviours == ("attack", "investigation", "mount", "rear", OTHER)
    assert len(units) == 3 * len(recordings)
    asked = {(unit.lab, unit.pair): {behaviours[i] for i in np.flatnonzero(unit.asked)} for unit in units}
    assert asked["a", (AGENT, TARGET)] == {"attack", "investigation", "mount", OTHER}
    assert asked["b", (AGENT, TARGET)] == {"attack", "investigation", OTHER}
    assert asked["b", (TARGET, TARGET)] == {"rear", OTHER}
    assert {unit.pair: unit.pairs for unit in units}[TARGET, TARGET] == ((1, 0),)


def test_labels_that_list_nothing_are_of_what_the_laboratory_shows(recordings: list[Recording]) -> None:
    without = [
        replace(each, labels={name: replace(labels, asked=None) for name, labels in each.labels.items()})
        for each in recordings
    ]
    units, behaviours = pair_units(without, make_encoder(), 2.0)
    asked = {(unit.lab, unit.pair): {behaviours[i] for i in np.flatnonzero(unit.asked)} for unit in units}
    assert asked["a", (TARGET, TARGET)] == {"rear", OTHER}
    assert "rear" not in asked["a", (TARGET, AGENT)]
    assert asked["a", (TARGET, AGENT)] == asked["a", (AGENT, TARGET)]


def test_members_are_the_networks_of_the_cross_validation(learned: PairResult) -> None:
    assert len(learned.model.classifiers) == 3
    assert len(learned.model.trees) == 3
    assert learned.model.classifiers[0].labs == ("a", "b")
    first, second = (network.head.state_dict()["score.weight"] for network in learned.model.classifiers[:2])
    assert not torch.equal(first, second)


def test_logits_of_a_pair_do_not_depend_on_the_other_pairs_of_the_video(
    learned: PairResult, recordings: list[Recording]
) -> None:
    units = pair_units(recordings, make_encoder(), 2.0)[0][:3]
    together = list(learned.model.logits_of_pairs(units))
    for unit, values in zip(units, together, strict=True):
        np.testing.assert_array_equal(learned.model.logits(unit), values)
        assert (values[:, ~unit.asked] < UNASKED / 4).all()


def test_a_model_of_pairs_is_written_and_read_to_the_bit(
    learned: PairResult, recordings: list[Recording], tmp_path: Path
) -> None:
    save_pair_model(tmp_path, learned.model, learned.scheme)
    model, scheme = load_pair_model(tmp_path)
    assert scheme == learned.scheme
    assert is_of_pairs(tmp_path)
    model.to("cpu", "float32")
    for unit in pair_units(recordings, make_encoder(), 2.0)[0][:3]:
        np.testing.assert_array_equal(model.logits(unit), learned.model.logits(unit))
    with pytest.raises(InputError, match="kind model of pairs"):
        load_model(tmp_path)


def test_predictions_are_of_what_the_laboratory_shows_or_the_recording_lists(
    learned: PairResult, recordings: list[Recording]
) -> None:
    units, _ = pair_units(recordings[:2], make_encoder(), 2.0)
    poses = {unit.poses.id: unit.poses for unit in units}
    of_lab_b = recordings[1]
    by_pair = {each.pair: each for each in predict_pairs(learned.model, learned.scheme, poses[of_lab_b.id], of_lab_b)}
    assert set(by_pair) == {(AGENT, TARGET), (TARGET, AGENT), (TARGET, TARGET)}
    mount, rear = (learned.scheme.behaviours.index(name) for name in ("mount", "rear"))
    assert by_pair[AGENT, TARGET].probabilities[:, [mount, rear]].max() < 1e-6
    listing = replace(of_lab_b, metadata={"lab": "b", "listed": [["intruder", "intruder", "rear"]]})
    (only,) = predict_pairs(learned.model, learned.scheme, poses[of_lab_b.id], listing)
    assert only.pair == (TARGET, TARGET)
    unknown = replace(of_lab_b, metadata={"lab": "new"})
    assert len(predict_pairs(learned.model, learned.scheme, poses[of_lab_b.id], unknown)) == 3


def test_animals_of_other_names_are_looked_at_in_every_pair(learned: PairResult) -> None:
    assert learned.scheme.pairs_of((TARGET, AGENT, "third")) == list(learned.scheme.pairs)
    every = [("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")]
    assert learned.scheme.pairs_of(("a", "b")) == every


def test_trees_give_nothing_to_what_is_not_asked(recordings: list[Recording]) -> None:
    units, behaviours = pair_units(recordings, make_encoder(), 2.0)
    trees = fit_tree_member(tree_examples(units), len(behaviours), 3, 0, None, ("a", "b"))
    assert trees is not None
    for unit in units[:3]:
        logits = tree_logits(trees, unit)
        assert (logits[:, ~unit.asked] == UNASKED).all()
        np.testing.assert_allclose(np.exp(logits[:, unit.asked]).sum(1), 1, atol=1e-3)


def test_examples_keep_rare_frames_and_weigh_common_ones_for_those_left_out(recordings: list[Recording]) -> None:
    units, behaviours = pair_units(recordings, make_encoder(), 2.0)
    for unit, example in zip(units, tree_examples(units), strict=True):
        counts = np.bincount(unit.labels, minlength=len(behaviours)) * len(unit.pairs)
        estimated = np.bincount(np.concatenate(example.labels), np.concatenate(example.weights), len(behaviours))
        step = counts.sum() / estimated.sum()
        np.testing.assert_allclose(estimated * step, counts, atol=2 * step, rtol=0.1)
