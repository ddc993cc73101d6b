"""What can be wrong with a run, in words."""


class RunError(Exception):
    """A run folder, or a file in it, that can't be read: where, what is wrong, and what to do."""


class RunWarning(UserWarning):
    """Something of a run is left out, and this says what."""
