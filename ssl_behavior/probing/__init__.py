"""What probes are given and how their scores are shown: vectors of whole groups of animals, and a picture of scores."""
