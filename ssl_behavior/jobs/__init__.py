"""Units of work that any worker can do any number of times with the same result, and the Ray workers that do them.

The content of its inputs names a unit: files, settings and checkpoint. Its result goes to a folder on a disk or in an
object store, and is marked as done once it is complete. So if a worker is killed, another one repeats its unit, and a
rerun does only the missing units. The extra ``cluster`` installs what this needs.

The scheme is that of SLEAP's experiments (Pereira et al. 2022, Nature Methods 19, supplement), where messages name
idempotent units of work. Ray's retries replace the queue of messages for ``embed_many``, ``predict_many`` and
``sweep``. For ``experiments``, the queue consists of files in the store of the results.
"""
