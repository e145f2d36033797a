"""A resident and an intruder mouse, simulated with exact labels."""
