"""Recordings made comparable: landmarks, cleaning, clips, invariant kinematics, expert features, augmentations."""
