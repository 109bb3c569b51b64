"""The model in force in a replica: follows the registry's pointer without a restart."""

import logging
from collections.abc import Callable
from pathlib import Path

from phantommesh.threat_model.features import FEATURES
from phantommesh.threat_model.manifest import RULES_ONLY, ModelError
from phantommesh.threat_model.registry import Registry
from phantommesh.threat_model.scorer import RulesOnly, Scorer

_log = logging.getLogger(__name__)


def _ignore(_text: str) -> None:
    """The hook of who counts nothing."""


class CurrentModel:
    """Holds the promoted model. ``look`` costs one stat while nothing changed; call it each second.

    A model that cannot be used is refused: the one in force stays, the reason is logged and handed to ``refused``, and
    nothing is tried again until the pointer is written anew. A pointer that is gone is no order: what is in force
    stays. ``loaded`` gets the version that came into force."""

    def __init__(
        self, folder: Path, loaded: Callable[[str], None] = _ignore, refused: Callable[[str], None] = _ignore
    ) -> None:
        self._registry = Registry(folder)
        self._loaded, self._refused = loaded, refused
        self._seen: tuple[int, int] | None = None
        self.scorer: Scorer | RulesOnly = RulesOnly()

    def look(self) -> bool:
        """Whether another model came into force. Raises nothing that a file can cause."""
        seen = self._identity()
        if seen is None or seen == self._seen:
            return False
        self._seen = seen
        try:
            scorer = self._load()
        except (ModelError, OSError) as error:
            reason = " ".join(str(error).split())
            _log.warning("model refused, %s stays in force: %s", self.scorer.version, reason)
            self._refused(reason)
            return False
        changed = scorer.version != self.scorer.version
        self.scorer = scorer
        if changed:
            _log.warning("model in force: %s", scorer.version)
            self._loaded(scorer.version)
        return changed

    def _identity(self) -> tuple[int, int] | None:
        try:
            status = self._registry.pointer_file.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns

    def _load(self) -> Scorer | RulesOnly:
        pointer = self._registry.pointer()
        if pointer is None or pointer.version == RULES_ONLY:
            return RulesOnly()
        _, model = self._registry.read(pointer.version, pointer.manifest_sha256)
        return Scorer(pointer.version, model, len(FEATURES))
