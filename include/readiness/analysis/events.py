"""The event ids of all data sets as numbers, so that millions of events are compared as integers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from readiness.analysis.event_ids import EventIds, number_ids
from readiness.model.dataset import ScenarioEvidence
from readiness.model.probe_path import WRITES

Codes = NDArray[np.int64]
ESCALATED_TO: tuple[str, ...] = ("pagerduty", "sms")
"""Channels that get one more alert of an incident which nobody acknowledged in time (docs/platform-api.md)."""


@dataclass(frozen=True)
class Events:
    """``ids``: every event that any data set knows. ``requests``, ``probes`` (writes alone) and ``delivered`` have one
    number for each row of their data set, ``received``, ``assessed`` and ``remediated`` one for each audit row of that
    action; ``received_ns`` is the time of each received row.

    A pair is event number x number of channels + channel number: ``due`` holds each pair that an assessment asked
    for once, ascending; ``escalated`` each that an escalation asked for; ``delivered_pairs`` one for each delivery.
    """

    ids: EventIds
    channels: tuple[str, ...]
    requests: Codes
    probes: Codes
    received: Codes
    received_ns: Codes
    assessed: Codes
    remediated: Codes
    delivered: Codes
    due: Codes
    escalated: Codes
    delivered_pairs: Codes

    def mask(self, codes: Codes) -> NDArray[np.bool_]:
        """For each event whether it is among ``codes``."""
        found = np.zeros(len(self.ids), dtype=np.bool_)
        found[codes] = True
        return found


def write_probes(evidence: ScenarioEvidence) -> pd.DataFrame | None:
    """The probes that sent an event; None without probes."""
    probes = evidence.probes
    return None if probes is None else probes[probes["path"].isin(WRITES)]


def number_events(evidence: ScenarioEvidence) -> Events:
    """Number every event that any data set knows."""
    audit, probes = evidence.audit, write_probes(evidence)
    actions, words = pd.factorize(audit["action"])
    place = {str(word): number for number, word in enumerate(words)}
    of = {name: actions == place.get(name, -2) for name in ("received", "assessed", "remediated", "incident_escalated")}
    parts: list[tuple[pd.Series[Any], NDArray[np.bool_] | None]] = [
        (evidence.requests["event_id"], None),
        (evidence.deliveries["event_id"], None),
        *((audit["event_id"], rows) for rows in of.values()),
        *([] if probes is None else [(probes["event_id"], None)]),
    ]
    found, numbers = number_ids(parts)
    requests, delivered, received, assessed, remediated, escalated, *probed = numbers
    channel_codes, delivery_channels = pd.factorize(evidence.deliveries["channel"])
    due_codes, due_texts = pd.factorize(audit["due"][of["assessed"]])
    wanted = [[name for name in str(text).split(",") if name] for text in due_texts]
    named = [*map(str, delivery_channels), *(name for names in wanted for name in names)]
    channels = tuple(sorted({*named, *(ESCALATED_TO if len(escalated) else ())}))
    place_of = np.array([channels.index(str(name)) for name in delivery_channels], dtype=np.int64)
    return Events(
        ids=found,
        channels=channels,
        requests=requests,
        probes=probed[0] if probed else np.empty(0, dtype=np.int64),
        received=received,
        received_ns=audit["at_ns"].to_numpy()[of["received"]],
        assessed=assessed,
        remediated=remediated,
        delivered=delivered,
        due=_pairs([(assessed[due_codes == k], names) for k, names in enumerate(wanted)], channels),
        escalated=_pairs([(escalated, list(ESCALATED_TO))] if len(escalated) else [], channels),
        delivered_pairs=delivered * len(channels) + place_of[channel_codes],
    )


def _pairs(events: list[tuple[Codes, list[str]]], channels: tuple[str, ...]) -> Codes:
    """Each (event, channel) once, ascending."""
    found = [codes * len(channels) + channels.index(name) for codes, names in events for name in names]
    return np.unique(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)
