"""How training can fail, as a person sees it; each message is one line."""


class TrainingError(Exception):
    """Training cannot be done: what it reads or writes is not usable."""


class DataError(TrainingError):
    """The data can be read and does not suffice: too few samples, or one class only."""
