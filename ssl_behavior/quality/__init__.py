"""Data quality control: silent errors in recordings, such as swapped axes, a mirrored image or a wrong frame rate."""
