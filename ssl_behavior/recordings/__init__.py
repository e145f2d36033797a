"""The containers that every format yields: recordings, labels, annotations; and matching one to the other."""
