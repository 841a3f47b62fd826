"""A peer that fails, in one sentence."""


def reason(error: Exception) -> str:
    """Give the first line of what the error says, or else its kind."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
