"""The threat model as the service uses it: an event in, a verdict out."""

from collections.abc import Callable, Sequence
from pathlib import Path

import asyncpg
import msgspec

from phantommesh.automation.assess import Assessor
from phantommesh.automation.events import Observation
from phantommesh.config.model import ThreatAssessment
from phantommesh.threat_model.combination import combine
from phantommesh.threat_model.current_model import CurrentModel
from phantommesh.threat_model.features import features
from phantommesh.threat_model.history import NO_HISTORY, History
from phantommesh.threat_model.history_reader import Cache, HistoryReader
from phantommesh.threat_model.intelligence_tables import CurrentIntelligence


class RuleFactor(msgspec.Struct, frozen=True, gc=False):
    """What the rules alone say."""

    risk: float
    confidence: float


class ModelFactor(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What the model says; no score when the rules alone are in force."""

    version: str
    score: float | None = None


class IntelligenceFactor(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Which version was asked, and the indicator that counted, if any."""

    version: int
    network: str | None = None
    source: str | None = None
    kind: str | None = None
    risk_add: float = 0.0


class Factors(msgspec.Struct, frozen=True, gc=False):
    """Why a verdict is what it is. history: the version that the event was assessed with."""

    rule: RuleFactor
    model: ModelFactor
    intelligence: IntelligenceFactor
    history: int


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """risk 0 to 10, confidence 0 to 1, level as the configured thresholds have it."""

    risk: float
    confidence: float
    level: str
    factors: Factors

    def factors_json(self) -> str | None:
        """For the column event.verdict; None when nothing but the rules spoke: risk and confidence then are theirs."""
        if self.factors.model.score is None and self.factors.intelligence.network is None:
            return None
        return _encode(self.factors).decode()


_encode = msgspec.json.Encoder().encode


class ThreatModel:
    """One replica's threat model. Without a promoted model, history or intelligence it is the rules alone."""

    def __init__(
        self,
        replica: str,
        settings: ThreatAssessment,
        models: Path,
        *,
        cache: Cache | None = None,
        model_loaded: Callable[[str], None] = lambda version: None,  # noqa: ARG005
        model_refused: Callable[[str], None] = lambda reason: None,  # noqa: ARG005
    ) -> None:
        self._replica = replica
        self._assessor = Assessor(settings)
        self.model = CurrentModel(models, model_loaded, model_refused)
        self.histories = HistoryReader(cache)
        self.intelligence = CurrentIntelligence()

    def look_for_model(self) -> bool:
        """Before the first event, and each second. Whether another model came into force."""
        return self.model.look()

    async def tend(self, connection: asyncpg.Connection) -> None:
        """After each connection to the database and each second: closes hours, learns of histories and intelligence.
        Closing a busy hour takes seconds, so the connection must be one on which nothing else waits, least of all a
        heartbeat. Raises what asyncpg raises; the next call makes up for it."""
        await self.intelligence.tend(connection)
        await self.histories.tend(connection, self._replica)

    async def histories_of(self, connection: asyncpg.Connection, events: Sequence[Observation]) -> list[History]:
        """Once for a batch: the history of each event. Raises what asyncpg raises."""
        return await self.histories.of_events(connection, events)

    def assess(self, event: Observation, history: History = NO_HISTORY) -> Verdict:
        """Once for an event. A pure function of event, history, and the versions that the verdict names."""
        rule = self._assessor.assess(event)
        scorer, intelligence = self.model.scorer, self.intelligence.snapshot
        score = scorer.score(features(event, history))
        # As it is written down: the verdict can be computed again from its factors.
        score = None if score is None else round(score, 4)
        known = intelligence.of_event(event.src_ip, event.dest_ip, event.received_at_ns)
        risk, confidence = combine(rule.risk, rule.confidence, score, 0.0 if known is None else known.risk_add)
        factors = Factors(
            rule=RuleFactor(rule.risk, rule.confidence),
            model=ModelFactor(scorer.version, score),
            intelligence=IntelligenceFactor(intelligence.version)
            if known is None
            else IntelligenceFactor(intelligence.version, known.network, known.source, known.kind, known.risk_add),
            history=history.version,
        )
        return Verdict(risk, confidence, self._assessor.level(risk, confidence), factors)
