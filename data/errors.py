"""The error a user can mend: one sentence, no traceback, exit code 2."""


class InputError(ValueError):
    """Something that was given is wrong; the message is one sentence that names it and says what to do."""
