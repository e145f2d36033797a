"""Containers that every format yields (recordings, labels, annotations), and the matching of annotations to tracks."""
