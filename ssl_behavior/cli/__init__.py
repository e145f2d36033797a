"""From a command's fields to its options, settings, messages and exit codes."""
