"""The label-efficiency curve: scores on held-out videos against the number of labelled videos.

``videos`` says which videos are tested on and which are learned from, ``fitting`` fits one variant to some of them,
``points`` keeps what was fitted, ``bands`` says how sure the scores are, ``report`` and ``picture`` tell them.
"""
