"""Silent errors in recordings: measurements, suspicions, pictures."""
