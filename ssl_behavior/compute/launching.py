"""Where the processes of a run come from: torchrun, SLURM's srun, or the shell, which starts one."""

from __future__ import annotations

import os

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import (
    ClusterEnvironment,
    LightningEnvironment,
    SLURMEnvironment,
    TorchElasticEnvironment,
)

from ssl_behavior.compute.devices import Device, choose_device
from ssl_behavior.errors import InputError, how_many


def launch(device: Device) -> Fabric:
    """Join the other processes of this run, if there are any; a module that the result sets up then learns as one.

    Args:
        device: of each process; with cuda, each has a GPU of its own.

    Raises:
        InputError: the node has fewer GPUs than processes, or SLURM does not say how many processes a node has.
    """
    accelerator = choose_device(device).type
    environment, here = _environment()
    processes = environment.world_size()
    if accelerator == "cuda" and here > torch.cuda.device_count():
        raise InputError(
            f"--device {device}: expected a GPU for each of the {here} processes that were started on this node and "
            f"found {how_many(torch.cuda.device_count(), 'GPU')}; start as many processes as there are, or give "
            "--device cpu"
        )
    fabric = Fabric(
        accelerator=accelerator,
        devices=here,
        num_nodes=processes // here,
        strategy="ddp" if processes > 1 else "auto",
        plugins=[environment],
    )
    fabric.launch()
    return fabric


def _environment() -> tuple[ClusterEnvironment, int]:
    """Who started this process, and how many of them on this node."""
    if TorchElasticEnvironment.detect():
        return TorchElasticEnvironment(), int(os.environ["LOCAL_WORLD_SIZE"])
    # A script that sbatch runs knows of tasks, too, but is alone until srun starts them in a step.
    if not (SLURMEnvironment.detect() and "SLURM_STEP_ID" in os.environ):
        return LightningEnvironment(), 1
    if int(os.environ["SLURM_NTASKS"]) > 1 and "SLURM_NTASKS_PER_NODE" not in os.environ:
        raise InputError(
            f"SLURM started {os.environ['SLURM_NTASKS']} processes and does not say how many of them on each node; "
            "give srun or sbatch --ntasks-per-node"
        )
    processes = int(os.environ["SLURM_NTASKS"])
    here = min(processes, int(os.environ.get("SLURM_NTASKS_PER_NODE", 1)))
    if processes % here:
        raise InputError(
            f"SLURM started {processes} processes, {here} of them on each node: expected as many on every node; give "
            "--ntasks-per-node a number that divides --ntasks"
        )
    return SLURMEnvironment(), here
