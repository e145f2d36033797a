"""Devices, distributed processes, random numbers of a batch, interrupts, memory."""
