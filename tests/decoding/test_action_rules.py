"""Rules of laboratories and behaviours: known answers on probabilities made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssl_behavior.decoding import ActionDecoder, DecodedUnit, count_unit, fit_action_decoder
from ssl_behavior.decoding.action_rules import ActionRule
from ssl_behavior.errors import InputError

BEHAVIOURS = ("attack", "sniff", "other")
EVERYTHING = np.ones(3, bool)


def decoder(**rules: ActionRule) -> ActionDecoder:
    return ActionDecoder(BEHAVIOURS, {("", name): rule for name, rule in rules.items()})


def probabilities(attack: list[float], sniff: list[float]) -> np.ndarray:
    both = np.array([attack, sniff]).T
    return np.column_stack([both, 1 - both.sum(1)])


def test_the_behaviour_that_passes_its_threshold_by_the_greatest_margin_is_taken() -> None:
    rules = decoder(attack=ActionRule(0.1), sniff=ActionRule(0.5))
    values = probabilities([0.3, 0.05, 0.3, 0.09], [0.4, 0.6, 0.69, 0.49])
    assert rules.decode(values, 30.0, "", EVERYTHING).tolist() == [0, 1, 0, 2]


def test_what_is_not_asked_or_has_no_rule_is_never_found() -> None:
    rules = decoder(attack=ActionRule(0.1))
    values = probabilities([0.5, 0.5], [0.4, 0.4])
    assert rules.decode(values, 30.0, "", np.array([False, True, True])).tolist() == [2, 2]
    assert rules.decode(values, 30.0, "", EVERYTHING).tolist() == [0, 0]


def test_a_laboratory_has_its_own_rules_and_an_unknown_one_those_of_all() -> None:
    rules = ActionDecoder(BEHAVIOURS, {("", "attack"): ActionRule(0.2), ("strict", "attack"): ActionRule(0.8)})
    values = probabilities([0.5], [0.1])
    assert [rules.decode(values, 30.0, lab, EVERYTHING)[0] for lab in ("strict", "new", "")] == [2, 0, 0]


@pytest.mark.parametrize("rate", [10.0, 30.0, 120.0])
def test_times_are_in_seconds_at_any_frame_rate(rate: float) -> None:
    """Smoothing over .5 s takes a spike of .1 s away, and leaves a bout of two seconds its length."""
    rules = decoder(attack=ActionRule(0.5, 0.5))
    seconds = np.arange(0, 10, 1 / rate)
    attack = ((seconds >= 2) & (seconds < 2.1)) | ((seconds >= 5) & (seconds < 7))
    labels = rules.decode(probabilities((0.9 * attack).tolist(), [0.0] * len(seconds)), rate, "", EVERYTHING)
    assert (labels[seconds < 4] == 2).all()
    assert (labels == 0).sum() / rate == pytest.approx(2, abs=0.25)


def test_smoothing_joins_a_bout_that_one_doubtful_frame_cuts() -> None:
    attack = [0.0] * 30 + [0.9] * 15 + [0.1] + [0.9] * 15 + [0.0] * 30
    values = probabilities(attack, [0.0] * len(attack))
    cut = decoder(attack=ActionRule(0.5)).decode(values, 30.0, "", EVERYTHING)
    joined = decoder(attack=ActionRule(0.5, 0.1)).decode(values, 30.0, "", EVERYTHING)
    assert cut[45] == 2
    assert (joined[32:59] == 0).all()


def test_plain_values_make_the_same_decoder() -> None:
    rules = ActionDecoder(BEHAVIOURS, {("", "attack"): ActionRule(0.2, 0.1), ("a", "sniff"): ActionRule(0.8)})
    assert ActionDecoder.from_dict(rules.to_dict()) == rules
    with pytest.raises(InputError, match="rules"):
        ActionDecoder.from_dict({"behaviours": ["a"], "rules": [["", "a"]]})


@pytest.mark.parametrize("rule", [(0.0,), (1.0,), (float("nan"),), (0.5, -1.0), (0.5, float("nan"))])
def test_an_impossible_rule_is_refused(rule: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="threshold"):
        ActionRule(*rule)


def unit(lab: str, attack: np.ndarray, truth: np.ndarray, group: str = "v") -> DecodedUnit:
    values = np.column_stack([attack, np.zeros_like(attack), 1 - attack]).astype(np.float32)
    return DecodedUnit(group, lab, 30.0, values, truth, EVERYTHING, group)


def fit(units: list[DecodedUnit]) -> ActionDecoder:
    return fit_action_decoder([count_unit(each) for each in units], BEHAVIOURS)


def planted(lab: str, threshold: float, bouts: int, seed: int = 0) -> DecodedUnit:
    """Frames whose annotators marked an attack where its probability is above a threshold of their own."""
    rng = np.random.default_rng(seed)
    attack = np.repeat(rng.uniform(0, 1, 4 * bouts), 60)
    return unit(lab, attack, np.where(attack > threshold, 0, 2), f"{lab}{seed}")


def test_fitting_finds_the_threshold_of_each_laboratory() -> None:
    rules = fit([planted("bold", 0.3, 100), planted("shy", 0.8, 100, 1)]).rules
    assert rules["bold", "attack"].threshold == pytest.approx(0.3, abs=0.06)
    assert rules["shy", "attack"].threshold == pytest.approx(0.8, abs=0.06)


def test_the_threshold_of_few_bouts_is_shrunk_towards_that_of_all() -> None:
    bold = [planted(lab, 0.3, 100, seed) for seed, lab in enumerate("abc")]
    few, many = (fit([*bold, planted("shy", 0.8, n, 9)]).rules for n in (10, 400))
    assert few["", "attack"].threshold == pytest.approx(0.3, abs=0.06)
    assert few["", "attack"].threshold < few["shy", "attack"].threshold < many["shy", "attack"].threshold
    assert many["shy", "attack"].threshold == pytest.approx(0.8, abs=0.06)


def test_a_behaviour_that_a_laboratory_does_not_show_has_no_rule_there() -> None:
    shown, not_shown = planted("a", 0.5, 20), planted("b", 2.0, 20, 1)
    rules = fit([shown, not_shown]).rules
    assert ("a", "attack") in rules
    assert ("b", "attack") not in rules
    assert not any(name == "sniff" for _, name in rules)


def test_a_behaviour_that_nothing_tells_apart_is_not_predicted_everywhere() -> None:
    rng = np.random.default_rng(0)
    truth = np.where(np.repeat(rng.random(400) < 0.05, 30), 0, 2)
    noise = unit("", np.repeat(rng.uniform(0, 0.2, 400), 30), truth)
    labels = fit([noise]).decode(noise.probabilities, 30.0, "", EVERYTHING)
    assert (labels == 0).sum() < 4 * (truth == 0).sum()


@pytest.mark.parametrize("certain", [400, 80])
def test_where_no_threshold_is_good_nothing_is_found_rather_than_everything(certain: int) -> None:
    """The model is certain of frames that are wrong, and the true ones have no more probability than the rest."""
    attack = np.full(3000, 0.01)
    attack[:certain] = 1.0
    truth = np.full(3000, 2)
    truth[2000:2050] = 0
    found = fit([unit("", attack, truth)]).decode(unit("", attack, truth).probabilities, 30.0, "", EVERYTHING)
    assert (found == 0).sum() <= certain


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([10.0, 30.0]))
def test_labels_are_behaviours_that_were_asked_for(seed: int, rate: float) -> None:
    rng = np.random.default_rng(seed)
    values = rng.dirichlet(np.ones(3), 50)
    asked = np.array([rng.random() < 0.5, rng.random() < 0.5, True])
    rules = decoder(attack=ActionRule(0.3, 0.1), sniff=ActionRule(0.3))
    assert set(rules.decode(values, rate, "", asked)) <= set(np.flatnonzero(asked))
