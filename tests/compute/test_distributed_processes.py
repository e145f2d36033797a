import pytest
import torch

from ssl_behavior.compute.distributed import averaged, count, first, index, quiet_but_first, together
from ssl_behavior.errors import InputError

# Several processes are in test_distributed.


def test_one_process_is_the_first_and_alone() -> None:
    assert (count(), index(), first()) == (1, 0, True)
    values = torch.tensor([1.5, 2.0], requires_grad=True)
    assert torch.equal(averaged(values), values.detach())
    assert not averaged(values).requires_grad


@pytest.mark.parametrize("error", [InputError("no"), OSError(28, "No space left", "x"), KeyboardInterrupt()])
def test_one_process_fails_as_ever(error: BaseException) -> None:
    with pytest.raises(type(error)) as found, together():
        raise error
    assert found.value is error


def test_the_first_process_is_heard(capsys: pytest.CaptureFixture[str]) -> None:
    with quiet_but_first():
        print("hello")
    assert capsys.readouterr().out == "hello\n"
