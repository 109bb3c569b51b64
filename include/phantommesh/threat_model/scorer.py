"""Inference: LightGBM's shared library, called directly.

The Python package would bring numpy and scipy into every replica (60 MB and half a second). The library's single-row
calls need neither: a prediction is configured once, then each one fills a row that is kept and reads a result that is
kept. One thread (the replica's own) and no allocation an event.
"""

import ctypes
import importlib.util
import logging
import struct
import weakref
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from phantommesh.threat_model.manifest import RULES_ONLY, ModelError

_FLOAT64, _PREDICT_NORMAL, _ALL_ITERATIONS = 1, 0, -1  # C_API_DTYPE_FLOAT64, C_API_PREDICT_NORMAL
_PARAMETERS = b"num_threads=1 verbosity=-1"
_log = logging.getLogger(__name__)
_Freed = tuple[Callable[[ctypes.c_void_p], int], ctypes.c_void_p]


class Scorer:
    """A loaded model: the probability that an alert tells of a threat. For the use of one thread."""

    def __init__(self, version: str, model: bytes, feature_count: int) -> None:
        """Load the text of a model. Raises ModelError when the library is missing or the text is no such model."""
        self.version = version
        _require_shape(version, model)
        library = _library()
        booster, iterations = ctypes.c_void_p(), ctypes.c_int()
        _call(version, "LGBM_BoosterLoadModelFromString", model, ctypes.byref(iterations), ctypes.byref(booster))
        freed: list[_Freed] = [(library.LGBM_BoosterFree, booster)]
        self.close = weakref.finalize(self, _free, freed)
        """Gives the model's memory back; called by itself when the scorer goes."""
        count = ctypes.c_int()
        _call(version, "LGBM_BoosterGetNumFeature", booster, ctypes.byref(count))
        if count.value != feature_count:
            raise ModelError(f"model {version}: takes {count.value} features, not {feature_count}; train another")
        self._row = (ctypes.c_double * feature_count)()
        self._fill: Callable[..., None] = struct.Struct(f"={feature_count}d").pack_into
        self._length, self._result = ctypes.c_int64(), ctypes.c_double()
        handle = ctypes.c_void_p()
        _call(
            version, "LGBM_BoosterPredictForMatSingleRowFastInit", booster, _PREDICT_NORMAL, 0, _ALL_ITERATIONS,
            _FLOAT64, feature_count, _PARAMETERS, ctypes.byref(handle),
        )  # fmt: skip
        freed.insert(0, (library.LGBM_FastConfigFree, handle))
        self._predict = library.LGBM_BoosterPredictForMatSingleRowFast
        # References to the kept buffers are made once: making one costs more than a small tree.
        self._arguments = (handle, self._row, ctypes.byref(self._length), ctypes.byref(self._result))

    def score(self, features: Sequence[float]) -> float:
        """The probability, 0 to 1. Raises ModelError when the number of features is another than the model's."""
        try:
            self._fill(self._row, 0, *features)
        except struct.error as error:
            raise ModelError(f"model {self.version}: {len(features)} features given, not {len(self._row)}") from error
        if self._predict(*self._arguments) != 0:
            raise ModelError(f"model {self.version}: {_last_error()}")
        return self._result.value


class RulesOnly:
    """What stands in for a model when none is promoted: it has a name, and no opinion."""

    version = RULES_ONLY

    def score(self, features: Sequence[float]) -> None:
        """Never a number that nobody computed."""


def _require_shape(version: str, model: bytes) -> None:
    """The library trusts its input: what is evidently no whole model must not reach it."""
    header, _, _ = model.partition(b"\nTree=0\n")
    lines = header.split(b"\n")
    if lines[0] != b"tree" or len(header) == len(model) or b"\nend of trees\n" not in model or b"\0" in model:
        raise ModelError(f"model {version}: model.txt is not a whole LightGBM model; train another")
    if b"num_class=1" not in lines or not any(line.startswith(b"objective=binary") for line in lines):
        raise ModelError(f"model {version}: its result is not a probability (objective binary); train another")


@cache
def _library() -> ctypes.CDLL:
    # Found, not imported: the import is what costs.
    found = importlib.util.find_spec("lightgbm")
    if found is None or found.origin is None:
        raise ModelError("the package lightgbm is not installed; run: make setup")
    # .so or .dylib, as the platform has it.
    path = next(iter(sorted((Path(found.origin).parent / "lib").glob("lib_lightgbm.*"))), None)
    if path is None:
        raise ModelError(f"{Path(found.origin).parent} holds no lib_lightgbm; install the package lightgbm again")
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise ModelError(f"{path.name} cannot be loaded ({error}); it needs the system's libgomp") from error
    library.LGBM_GetLastError.restype = ctypes.c_char_p
    library.LGBM_RegisterLogCallback(_LIBRARY_SAYS)
    library.LGBM_SetMaxThreads(ctypes.c_int(1))
    return library


def _say(message: bytes) -> None:
    """Otherwise the library writes to standard output. What fails is told by the result of the call."""
    _log.debug("LightGBM: %s", message.decode(errors="replace").strip())


_LIBRARY_SAYS = ctypes.CFUNCTYPE(None, ctypes.c_char_p)(_say)  # kept as long as the library


def _call(version: str, name: str, *arguments: object) -> None:
    if getattr(_library(), name)(*arguments) != 0:
        raise ModelError(f"model {version}: LightGBM refuses it ({_last_error()}); train or promote another")


def _last_error() -> str:
    text: bytes = _library().LGBM_GetLastError()
    return " ".join(text.decode(errors="replace").split())


def _free(handles: list[_Freed]) -> None:
    for free, handle in handles:
        free(handle)
