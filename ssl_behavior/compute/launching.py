"""Join the processes of a run, which torchrun or SLURM's srun started; or run as a single process."""

from __future__ import annotations

import atexit
import gc
import os

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import (
    ClusterEnvironment,
    LightningEnvironment,
    SLURMEnvironment,
    TorchElasticEnvironment,
)
from torch import distributed

from ssl_behavior.compute.devices import Device, choose_device
from ssl_behavior.errors import InputError, count_of


def launch(device: Device) -> Fabric:
    """Join the other processes of this run, if there are any.

    Args:
        device: device of each process; with cuda, each has a GPU of its own.

    Returns:
        The Fabric whose ``setup_module`` wraps a module so that all processes train it together.

    Raises:
        InputError: the node has fewer GPUs than processes, or SLURM does not say how many processes each node has.
    """
    accelerator = choose_device(device).type
    environment, on_node = _environment()
    processes = environment.world_size()
    if accelerator == "cuda" and on_node > torch.cuda.device_count():
        raise InputError(
            f"--device {device}: expected a GPU for each of the {on_node} processes on this node; found "
            f"{count_of(torch.cuda.device_count(), 'GPU')}: start one process per GPU, or give --device cpu"
        )
    fabric = Fabric(
        accelerator=accelerator,
        devices=on_node,
        num_nodes=processes // on_node,
        strategy="ddp" if processes > 1 else "auto",
        plugins=[environment],
    )
    fabric.launch()
    if processes > 1:
        atexit.register(_leave)
    return fabric


def _leave() -> None:
    """End the threads that exchange values with the other processes, before the interpreter ends.

    Fabric ends those of NCCL only. A thread of Gloo that frees a tensor while the interpreter is ending aborts the
    process: a run that has succeeded would fail. A thread whose peer has died gets an error, so this does not wait.
    """
    if distributed.is_initialized():
        gc.collect()  # a module that was trained is part of a circle, and keeps the threads alive
        distributed.destroy_process_group()


def _environment() -> tuple[ClusterEnvironment, int]:
    """Return the program that started the processes, and the number that it started on this node."""
    if TorchElasticEnvironment.detect():
        return TorchElasticEnvironment(), int(os.environ["LOCAL_WORLD_SIZE"])
    # sbatch sets the number of tasks too, but its script is a single process until srun starts the tasks in a step.
    if not (SLURMEnvironment.detect() and "SLURM_STEP_ID" in os.environ):
        return LightningEnvironment(), 1
    if int(os.environ["SLURM_NTASKS"]) > 1 and "SLURM_NTASKS_PER_NODE" not in os.environ:
        raise InputError(
            f"SLURM started {os.environ['SLURM_NTASKS']} processes but does not say how many on each node; give "
            "srun or sbatch --ntasks-per-node"
        )
    processes = int(os.environ["SLURM_NTASKS"])
    on_node = min(processes, int(os.environ.get("SLURM_NTASKS_PER_NODE", 1)))
    if processes % on_node:
        raise InputError(
            f"SLURM started {processes} processes, {on_node} on each node: expected the same number on every "
            "node; give an --ntasks-per-node that divides --ntasks"
        )
    return SLURMEnvironment(), on_node
