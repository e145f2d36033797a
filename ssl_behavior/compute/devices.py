"""The device and the precision to compute in."""

from __future__ import annotations

from typing import Any, Literal, get_args

import torch

from ssl_behavior.errors import InputError

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "float32", "bfloat16"]


def require_choice(name: str, value: object, choices: Any) -> None:
    """Make sure that a value is one of a ``Literal``. The command line does this by itself; Python does not.

    Raises:
        InputError: the value is none of the choices.
    """
    if value not in get_args(choices):
        raise InputError(f"{name}: expected one of {', '.join(get_args(choices))}; found {value!r}")


def choose_device(device: Device) -> torch.device:
    """Return the device to compute on: ``auto`` takes a GPU if there is one.

    Raises:
        InputError: the device is cuda and there is no GPU, or the name is none of a device.
    """
    require_choice("--device", device, Device)
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: expected a CUDA device; found none: use --device cpu or auto")
    return torch.device("cuda" if device == "cuda" or (device == "auto" and torch.cuda.is_available()) else "cpu")


def has_room(device: torch.device, size: int) -> bool:
    """Return whether a GPU can hold ``size`` bytes during a run, which may take a quarter of its free memory.

    Always False for a CPU, which reads what it needs from memory-mapped files.
    """
    return device.type == "cuda" and size <= torch.cuda.mem_get_info(device)[0] // 4


def resolve_precision(precision: Precision, device: torch.device) -> Precision:
    """Return float32 or bfloat16: the precision itself, or the one that ``auto`` takes on this device."""
    return "bfloat16" if uses_bfloat16(precision, device) else "float32"


def uses_bfloat16(precision: Precision, device: torch.device) -> bool:
    """Return whether to compute in bfloat16. ``auto`` does where the hardware multiplies it natively."""
    if precision != "auto":
        return precision == "bfloat16"
    # On a CPU without AVX-512 BF16, bfloat16 is emulated and slower than float32.
    return torch.cuda.is_bf16_supported() if device.type == "cuda" else torch.cpu._is_avx512_bf16_supported()
