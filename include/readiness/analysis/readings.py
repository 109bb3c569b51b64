"""What several metrics of one scenario share, computed once: the numbered events, the ledger, the latencies."""

from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from readiness.analysis.events import Events, number_events
from readiness.analysis.latency import accept_latencies, end_to_end_latencies
from readiness.analysis.ledger import Ledger, ledger, succeeded
from readiness.model.dataset import ScenarioEvidence


class Readings:
    """Of one evidence, which never changes."""

    def __init__(self, evidence: ScenarioEvidence) -> None:
        self.evidence = evidence

    @cached_property
    def measured(self) -> pd.DataFrame:
        """The requests of the measured phase."""
        return self.evidence.requests[self.evidence.requests["phase"] == "measure"]

    @cached_property
    def successes(self) -> int:
        """How many of them were answered with success."""
        return int(succeeded(self.measured).sum())

    @cached_property
    def events(self) -> Events:
        """The events of all data sets, numbered."""
        return number_events(self.evidence)

    @cached_property
    def ledger(self) -> Ledger:
        """The event ledger over both phases."""
        return ledger(self.evidence, self.events)

    @cached_property
    def accept_s(self) -> NDArray[np.float64]:
        """Accept latencies, seconds."""
        return accept_latencies(self.evidence)

    @cached_property
    def end_to_end_s(self) -> NDArray[np.float64]:
        """End-to-end latencies, seconds."""
        return end_to_end_latencies(self.evidence, self.events)
