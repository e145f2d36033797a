"""Networks and trees: encoder, heads, ensemble, inference, checkpoints."""
