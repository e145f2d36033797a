"""The parts of the public face that no command has: handles on encoders and models, tables, and scikit-learn."""
