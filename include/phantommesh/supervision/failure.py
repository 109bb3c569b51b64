"""The one kind of failure that a person sees."""


class PlatformError(Exception):
    """A command cannot do its work; the message is one line: what, where, the remedy."""
