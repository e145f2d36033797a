"""Networks and trees: encoders, heads, the ensemble, inference, checkpoints."""
