"""Files on disk: atomic writes, run folders, locks, memory maps, the cache, object stores, versions."""
