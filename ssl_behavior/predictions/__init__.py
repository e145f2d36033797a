"""Predicted labels: tables, the output folder, files to review, comparison with annotations."""
