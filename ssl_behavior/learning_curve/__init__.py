"""The learning curve: scores on held-out videos against the number of labelled videos.

``videos`` chooses the videos to test on and to train on, ``fitting`` fits one variant to some of them, ``points``
stores the results, ``bands`` estimates their uncertainty, and ``report`` and ``picture`` present them.
"""
