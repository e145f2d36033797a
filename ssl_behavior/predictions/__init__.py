"""Predicted labels: tables, folders, review files, comparison with annotations."""
