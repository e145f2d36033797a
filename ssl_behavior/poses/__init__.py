"""Recordings made comparable: landmarks, cleaning, invariant kinematics, augmentations."""
