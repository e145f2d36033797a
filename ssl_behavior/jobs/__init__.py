"""Units of work that any worker can do any number of times with the same result, and what does them: Ray.

A unit is named by the content of its inputs: files, settings and checkpoint. Its result goes to a folder on a disk or
in an object store, and is marked as done after it is whole; so a unit whose worker is killed is done by another, and a
rerun does only what is missing. Needs the extra ``cluster``.

The scheme is that of SLEAP's experiments (Pereira et al. 2022, Nature Methods 19, supplement), where messages name
idempotent units of work, with Ray's retries in place of a message queue's.
"""
