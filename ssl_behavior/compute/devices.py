"""Where to compute, and how precisely."""

from __future__ import annotations

from typing import Literal

import torch

from ssl_behavior.errors import InputError

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "float32", "bfloat16"]


def choose_device(device: Device) -> torch.device:
    """The device to compute on; a GPU where there is one.

    Raises:
        InputError: if cuda is asked for and there is none.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("--device cuda: expected a CUDA device and found none; use --device cpu or auto")
    return torch.device("cuda" if device == "cuda" or (device == "auto" and torch.cuda.is_available()) else "cpu")


def has_room(device: torch.device, size: int) -> bool:
    """Whether a GPU can keep so many bytes beside what it computes: up to a quarter of what is free.

    A CPU need not: it reads what it wants by memory map.
    """
    return device.type == "cuda" and size <= torch.cuda.mem_get_info(device)[0] // 4


def computed_in(precision: Precision, device: torch.device) -> Precision:
    """float32 or bfloat16: what ``auto`` stands for on this device."""
    return "bfloat16" if uses_bfloat16(precision, device) else "float32"


def uses_bfloat16(precision: Precision, device: torch.device) -> bool:
    """Whether to compute in bfloat16: where asked, or by default where the hardware multiplies it natively."""
    if precision != "auto":
        return precision == "bfloat16"
    return torch.cuda.is_bf16_supported() if device.type == "cuda" else torch.cpu._is_avx512_bf16_supported()
