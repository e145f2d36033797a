"""Files on disk: whole files, run folders, locks, memory maps, the cache, object stores, versions."""
