"""Two simulated mice with exact labels."""
