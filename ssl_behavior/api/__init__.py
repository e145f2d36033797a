"""The public API beyond the commands: encoders and models in memory, tables, and a scikit-learn estimator."""
