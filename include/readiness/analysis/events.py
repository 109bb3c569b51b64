"""The event ids of all data sets as numbers, so that millions of events are compared as integers."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from readiness.model.dataset import ScenarioEvidence

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Events:
    """``ids[k]`` is event k. ``requests`` and ``delivered`` have one number for each row of their data set,
    ``received`` and ``assessed`` one for each audit row of that action.

    A pair is event number x number of channels + channel number: ``due`` holds each pair that an assessment asked
    for once, ascending; ``delivered_pairs`` one for each delivery.
    """

    ids: "pd.Index[str]"
    channels: tuple[str, ...]
    requests: Codes
    received: Codes
    assessed: Codes
    delivered: Codes
    due: Codes
    delivered_pairs: Codes

    def mask(self, codes: Codes) -> NDArray[np.bool_]:
        """For each event whether it is among ``codes``."""
        found = np.zeros(len(self.ids), dtype=np.bool_)
        found[codes] = True
        return found

    def names(self, mask: NDArray[np.bool_]) -> tuple[str, ...]:
        """The ids of the events that the mask chooses, ascending."""
        return tuple(sorted(self.ids[mask].tolist()))

    def pair_names(self, pairs: Codes) -> tuple[tuple[str, str], ...]:
        """(event id, channel) of each pair, ascending."""
        events = self.ids[pairs // len(self.channels)].tolist() if len(pairs) else []
        channels = [self.channels[k] for k in (pairs % len(self.channels)).tolist()] if len(pairs) else []
        return tuple(sorted(zip(events, channels, strict=True)))


def number_events(evidence: ScenarioEvidence) -> Events:
    """Number every event that any data set knows."""
    audit = evidence.audit
    assessed_rows = audit[audit["action"] == "assessed"]
    received_rows = audit[audit["action"] == "received"]
    parts = [evidence.requests, received_rows, assessed_rows, evidence.deliveries]
    codes, ids = pd.factorize(pd.concat([part["event_id"] for part in parts], ignore_index=True))
    sizes = np.cumsum([len(part) for part in parts])
    requests, received, assessed, delivered = np.split(codes.astype(np.int64), sizes[:-1])
    channel_codes, delivery_channels = pd.factorize(evidence.deliveries["channel"])
    due_codes, due_texts = pd.factorize(assessed_rows["due"])
    wanted = [[name for name in str(text).split(",") if name] for text in due_texts]
    channels = tuple(dict.fromkeys([*map(str, delivery_channels), *(name for names in wanted for name in names)]))
    due = [
        assessed[due_codes == k] * len(channels) + channels.index(name)
        for k, names in enumerate(wanted)
        for name in names
    ]
    return Events(
        ids=pd.Index(ids),
        channels=channels,
        requests=requests,
        received=received,
        assessed=assessed,
        delivered=delivered,
        due=np.unique(np.concatenate(due)) if due else np.empty(0, dtype=np.int64),
        delivered_pairs=delivered * len(channels) + channel_codes,
    )
