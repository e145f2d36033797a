"""The device that a name stands for."""

import pytest

from ssl_behavior.compute.devices import choose_device
from ssl_behavior.errors import InputError


def test_the_cpu_is_always_there() -> None:
    assert choose_device("cpu").type == "cpu"


@pytest.mark.parametrize("name", ["gpu", "", "cuda:7"])
def test_a_name_of_no_device_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="expected one of auto, cpu, cuda"):
        choose_device(name)  # type: ignore[arg-type]
