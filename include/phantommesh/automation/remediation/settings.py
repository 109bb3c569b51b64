"""What can be set for auto-remediation; the configuration's section of that name has these fields."""

from typing import Protocol


class AutoRemediation(Protocol):
    """max_concurrent counts over all replicas; max_retries come after the first attempt."""

    @property
    def enabled(self) -> bool:
        """Whether requests are worked on at all."""

    @property
    def dry_run(self) -> bool:
        """Whether requests are only recorded, and nobody is quarantined."""

    @property
    def max_concurrent(self) -> int:
        """How many may be under way at once."""

    @property
    def max_retries(self) -> int:
        """How often a request is tried again."""

    @property
    def retry_backoff_s(self) -> float:
        """Seconds before the first retry; each further one waits three times as long."""

    @property
    def call_timeout_s(self) -> float:
        """Seconds that vpn-core has for an answer."""
