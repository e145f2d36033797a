"""The one exception a user is meant to read."""


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message is one sentence that names the file, what was expected, what was found and what to do. Commands print
    it and exit with code 2; anything else that escapes is a bug of ours.
    """
