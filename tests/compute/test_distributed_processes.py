import pytest
import torch

from ssl_behavior.compute.distributed import (
    fail_together,
    is_first,
    mean_over_processes,
    quiet_unless_first,
    rank,
    world_size,
)
from ssl_behavior.errors import InputError

# Several processes are in test_distributed.


def test_a_single_process_is_the_first() -> None:
    assert (world_size(), rank(), is_first()) == (1, 0, True)
    values = torch.tensor([1.5, 2.0], requires_grad=True)
    assert torch.equal(mean_over_processes(values), values.detach())
    assert not mean_over_processes(values).requires_grad


@pytest.mark.parametrize("error", [InputError("no"), OSError(28, "No space left", "x"), KeyboardInterrupt()])
def test_a_single_process_raises_its_error(error: BaseException) -> None:
    with pytest.raises(type(error)) as raised, fail_together():
        raise error
    assert raised.value is error


def test_the_first_process_prints(capsys: pytest.CaptureFixture[str]) -> None:
    with quiet_unless_first():
        print("hello")
    assert capsys.readouterr().out == "hello\n"
