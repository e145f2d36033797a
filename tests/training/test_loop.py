import csv
import math
import signal
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ssl_behavior.compute.devices import choose_device, uses_bfloat16
from ssl_behavior.errors import InputError
from ssl_behavior.poses.prepare import Preparation, prepare
from ssl_behavior.recordings.recording import Recording
from ssl_behavior.training.log import read_metrics
from ssl_behavior.training.loop import Messages, fit
from ssl_behavior.training.schedule import Schedule
from ssl_behavior.training.state import (
    Losses,
    StateFolder,
    TrainingState,
    has_state,
    remove_state,
    run_key,
    saved_steps,
)


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.below = nn.Linear(4, 8)
        self.dropout = nn.Dropout(0.3)
        self.above = nn.Linear(8, 2)
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        return self.above(self.dropout(torch.tanh(self.below(x))))


def losses_of(model: Small) -> Losses:
    def losses(generator: torch.Generator) -> dict[str, Tensor]:
        x = torch.randn(16, 4, generator=generator)
        error = (model(x) - x[:, :2]).square().mean()
        return {"loss": error + 0.1 * model.above.weight.square().mean(), "error": error}

    return losses


def weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


def test_rate_rises_and_falls() -> None:
    schedule = Schedule(100, warmup=10)
    rates = [schedule.rate(step) for step in range(100)]
    np.testing.assert_allclose(rates[:10], np.arange(1, 11) / 10)
    assert np.diff(rates[10:]).max() <= 0
    assert rates[55] == pytest.approx(0.5)
    assert 0 <= rates[-1] < 0.01


def test_rate_without_cosine_stays() -> None:
    rates = [Schedule(100, warmup=10, cosine=False).rate(step) for step in range(100)]
    assert rates[:10] == pytest.approx(np.arange(1, 11) / 10)
    assert set(rates[10:]) == {1.0}


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_short_schedules_are_finite(steps: int) -> None:
    assert all(0 <= Schedule(steps).rate(step) <= 1 for step in range(steps))


class Interruption:
    """Stops a run as a user would, on reaching a step."""

    def __init__(self, losses: Losses, after: int) -> None:
        self.losses, self.left = losses, after

    def __call__(self, generator: torch.Generator) -> dict[str, Tensor]:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        return self.losses(generator)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


@pytest.mark.parametrize("average", [0.0, 0.9])
@pytest.mark.parametrize("stops", [(13,), (5,), (13, 4)])
def test_an_interrupted_run_ends_as_an_undisturbed_one(average: float, stops: tuple[int, ...], tmp_path: Path) -> None:
    def run(folder: Path, after: int | None) -> Small:
        folder.mkdir(exist_ok=True)
        model = Small()
        losses = losses_of(model)
        losses = losses if after is None else Interruption(losses, after)
        fit(
            model,
            losses,
            Schedule(20, 0.05, average=average),
            seed=3,
            precision="float32",
            state_folder=StateFolder(folder, "k", save_every=4),
            after_step=lambda step: {"probe": float(model.above.weight.detach().sum())} if step % 5 == 0 else None,
        )
        return model

    undisturbed = run(tmp_path / "whole", None)
    for after in stops:
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "broken", after)
        assert has_state(tmp_path / "broken", "k")
    resumed = run(tmp_path / "broken", None)
    assert not resumed.training
    assert same(weights(resumed), weights(undisturbed))
    assert rows(tmp_path / "broken" / "metrics.csv") == rows(tmp_path / "whole" / "metrics.csv")
    assert len(rows(tmp_path / "whole" / "metrics.csv")) == 20
    # The state stays until remove_state, so the same run gives the same result at once.
    assert same(weights(run(tmp_path / "broken", None)), weights(undisturbed))
    assert len(rows(tmp_path / "broken" / "metrics.csv")) == 20
    remove_state(tmp_path / "broken")
    assert not has_state(tmp_path / "broken", "k")
    assert {path.name for path in (tmp_path / "broken").iterdir()} == {"metrics.csv"}


def test_the_state_of_another_run_is_not_resumed(tmp_path: Path) -> None:
    model = Small()
    with pytest.raises(KeyboardInterrupt):
        fit(
            model, Interruption(losses_of(model), 9), Schedule(20), seed=0, state_folder=StateFolder(tmp_path, "one", 4)
        )
    assert has_state(tmp_path, "one")
    assert not has_state(tmp_path, "two")
    seen: list[int] = []
    fit(
        Small(), losses_of(Small()), Schedule(3), seed=0, state_folder=StateFolder(tmp_path, "two"),
        after_step=seen.append,  # type: ignore[arg-type]
    )  # fmt: skip
    assert seen == [1, 2, 3]
    assert has_state(tmp_path, "two")
    assert [row["step"] for row in rows(tmp_path / "metrics.csv")] == ["1", "2", "3"]


@pytest.mark.parametrize(
    "content", [b"", b"abc", b"\xff" * 100, b"\x02" + bytes(7) + b"[]", b"\x05" + bytes(7) + b"nooo"]
)
def test_a_damaged_state_is_not_resumed(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "unfinished.safetensors").write_bytes(content)
    assert not has_state(tmp_path, "k")
    assert not has_state(tmp_path / "nowhere", "k")


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e6])
def test_a_diverged_loss_names_its_step_and_recordings_and_changes_nothing(bad: float, tmp_path: Path) -> None:
    model = Small()
    losses, after_steps = losses_of(model), []

    def sometimes(generator: torch.Generator) -> dict[str, Tensor]:
        terms = losses(generator)
        if len(after_steps) == 3:
            return {"loss": terms["loss"] * bad}
        return terms

    def run() -> None:
        fit(
            model,
            sometimes,
            Schedule(9),
            seed=0,
            precision="float32",
            after_step=lambda _: after_steps.append(weights(model)),  # type: ignore[func-returns-value]
            state_folder=StateFolder(tmp_path, "k", 2),
            messages=Messages(last_recordings=lambda: ["nose1", "nose1", "tail2"]),
        )

    with pytest.raises(
        InputError,
        match=r"diverged at step 3 \(loss (nan|inf|\d).*recordings: nose1, tail2\).*check",
    ):
        run()
    assert len(after_steps) == 3
    assert same(after_steps[-1], weights(model))
    assert saved_steps(tmp_path) == 2


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory. Tried"), MemoryError("Unable to allocate 7.28 TiB for")]
)
def test_an_error_of_memory_says_what_to_lower(error: Exception) -> None:
    def losses(_: torch.Generator) -> dict[str, Tensor]:
        raise error

    with pytest.raises(InputError, match=r"step 0 \((CUDA out of memory|Unable .* 7\.28 TiB)\)[:;] lower --my-batch"):
        fit(Small(), losses, Schedule(3), seed=0, messages=Messages(size_options="--my-batch"))


def test_other_runtime_errors_are_not_taken_for_a_lack_of_memory() -> None:
    def losses(_: torch.Generator) -> dict[str, Tensor]:
        raise RuntimeError("sizes differ")

    with pytest.raises(RuntimeError, match="sizes differ"):
        fit(Small(), losses, Schedule(3), seed=0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_between_steps_with_the_state_of_the_last(number: signal.Signals, tmp_path: Path) -> None:
    def trained(folder: Path, stop_in: int = -1) -> Small:
        torch.manual_seed(0)
        model = Small()
        losses, begun = losses_of(model), []

        def signalled(generator: torch.Generator) -> dict[str, Tensor]:
            begun.append(None)
            if len(begun) == stop_in:
                signal.raise_signal(number)
            return losses(generator)

        fit(model, signalled, Schedule(9), seed=0, precision="float32", state_folder=StateFolder(folder, "k"))
        return model

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    handlers = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.raises(KeyboardInterrupt):
            trained(tmp_path / "one", stop_in=5)
        assert {signal.getsignal(number) for number in handlers} == {end}
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert saved_steps(tmp_path / "one") == 5
    assert read_metrics(tmp_path / "one" / "metrics.csv")["loss"][-1][0] == 5
    assert same(weights(trained(tmp_path / "one")), weights(trained(tmp_path / "two")))


def test_same_seed_same_weights() -> None:
    def trained(seed: int) -> dict[str, Tensor]:
        model = Small()
        fit(model, losses_of(model), Schedule(5, 0.05), seed=seed, precision="float32")
        return weights(model)

    assert same(trained(1), trained(1))
    assert not same(trained(1), trained(2))


def test_training_trains() -> None:
    model = Small()
    before = float(losses_of(model.eval())(torch.Generator().manual_seed(9))["error"].detach())
    fit(model.train(), losses_of(model), Schedule(200, 0.02), seed=0, precision="float32")
    assert not model.training
    assert float(losses_of(model)(torch.Generator().manual_seed(9))["error"].detach()) < 0.5 * before


def test_mean_weights_on_paper() -> None:
    model = Small()
    run = TrainingState(model, Schedule(10, 0.1, average=0.9), 0)
    mean = model.above.weight.detach().clone()
    for step in range(1, 6):
        run.advance(losses_of(model), autocast=False)
        decay = min(0.9, step / (step + 10))
        mean = decay * mean + (1 - decay) * model.above.weight.detach()
    last = model.above.weight.detach().clone()
    with run.averaged():
        torch.testing.assert_close(model.above.weight.detach(), mean)
        assert not model.training
    assert torch.equal(model.above.weight.detach(), last)
    assert model.training
    assert not torch.equal(last, mean)


def test_factors_freeze_and_slow_down() -> None:
    def moved(factors: dict[str, float]) -> tuple[float, float]:
        model = Small()
        before = weights(model)
        fit(model, losses_of(model), Schedule(5, 0.01, factors=factors), seed=0, precision="float32")
        after = weights(model)
        return tuple(float((after[n] - before[n]).abs().max()) for n in ("below.weight", "above.weight"))  # type: ignore[return-value]

    below, above = moved({"below.": 0.0})
    assert below == 0 < above
    slow, _ = moved({"below.": 0.1})
    usual, _ = moved({})
    assert slow == pytest.approx(0.1 * usual, rel=0.3)


def test_only_matrices_decay() -> None:
    run = TrainingState(Small(), Schedule(5, weight_decay=0.3), 0)
    decays = {tuple(p.shape): group["weight_decay"] for group in run.optimiser.param_groups for p in group["params"]}
    assert decays == {(8, 4): 0.3, (8,): 0.0, (2, 8): 0.3, (2,): 0.0}


CHANGES: dict[str, Any] = {
    "steps": 7,
    "learning_rate": 0.03,
    "weight_decay": 0.5,
    "warmup": 2,
    "cosine": False,
    "clip_norm": 1e-9,
    "average": 0.5,
    "factors": {"below.": 0.0},
}


@pytest.mark.parametrize("name", [field.name for field in fields(Schedule)])
def test_every_setting_matters(name: str) -> None:
    def trained(schedule: Schedule) -> dict[str, Tensor]:
        model = Small()
        fit(model, losses_of(model), schedule, seed=0, precision="float32")
        return weights(model)

    usual = Schedule(6, 0.05)
    assert not same(trained(usual), trained(replace(usual, **{name: CHANGES[name]})))


def test_half_precision_trains_and_leaves_weights_whole() -> None:
    model = Small()
    fit(model, losses_of(model), Schedule(3), seed=0, precision="bfloat16")
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32}
    assert all(tensor.isfinite().all() for tensor in model.state_dict().values())


def test_precision_is_the_one_asked_for() -> None:
    cpu = torch.device("cpu")
    assert uses_bfloat16("bfloat16", cpu)
    assert not uses_bfloat16("float32", cpu)
    assert uses_bfloat16("auto", cpu) in (True, False)


def test_auto_takes_a_gpu_if_there_is_one() -> None:
    assert choose_device("cpu").type == "cpu"
    if torch.cuda.is_available():
        assert choose_device("auto").type == choose_device("cuda").type == "cuda"
    else:
        assert choose_device("auto").type == "cpu"
        with pytest.raises(InputError, match="--device cuda"):
            choose_device("cuda")


def test_a_run_is_named_by_its_settings_and_inputs(wander: Callable[..., Recording]) -> None:
    first, second = (prepare(wander(seed), ("nose", "tail base"), Preparation()) for seed in (1, 2))
    key = run_key(Schedule(3), [first])
    assert key == run_key(Schedule(3), [replace(first, positions=first.positions.copy())])
    different = [
        run_key(Schedule(4), [first]),
        run_key(Schedule(3), [replace(second, id=first.id)]),
        run_key(Schedule(3), [replace(first, id="x")]),
        run_key(Schedule(3), [first, second]),
    ]
    assert len({key, *different}) == 5


def test_metrics_are_read_back(tmp_path: Path) -> None:
    model = Small()
    probe = {2: {"probe": 0.5}, 4: {"probe": 0.75}}
    fit(model, losses_of(model), Schedule(4), seed=0, state_folder=StateFolder(tmp_path, "k"), after_step=probe.get)
    curves = read_metrics(tmp_path / "metrics.csv")
    assert curves["probe"] == [(2.0, 0.5), (4.0, 0.75)]
    assert [step for step, _ in curves["loss"]] == [1, 2, 3, 4]
    assert set(curves) == {"loss", "error", "gradient", "probe"}
