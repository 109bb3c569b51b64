"""Models as versioned files, and the pointer to the one in use.

    DIR/<version>/model.txt, manifest.json     written once, never changed
    DIR/current                                {"version", "manifest_sha256"}: the promoted one

The pointer is replaced at once or not at all, and binds the manifest, which binds the model: a file that was altered
after its promotion no longer fits, and what fits has been loaded once before (see
``probe``). Going back is pointing back; pointing at RULES_ONLY puts the rules alone in force.
"""

import hashlib
import os
import re
import secrets
import shutil
from pathlib import Path

import msgspec

from phantommesh.threat_model import manifest as manifests
from phantommesh.threat_model.manifest import RULES_ONLY, Manifest, ModelError
from phantommesh.threat_model.probe import require_loadable

MODEL_FILE, MANIFEST_FILE, POINTER_FILE = "model.txt", "manifest.json", "current"
MAX_FILE_BYTES = 256 * 1024 * 1024
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")


class Pointer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which model is in use. manifest_sha256: empty for RULES_ONLY."""

    version: str
    manifest_sha256: str = ""


class Registry:
    """One models folder. Methods raise ModelError for what is wrong with a model, OSError for the disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pointer_file = folder / POINTER_FILE

    def versions(self) -> list[str]:
        """All versions, oldest first (a version begins with its time)."""
        if not self.folder.is_dir():
            return []
        return sorted(item.name for item in self.folder.iterdir() if item.is_dir() and _VERSION.fullmatch(item.name))

    def pointer(self) -> Pointer | None:
        """What is promoted; None when nothing ever was."""
        try:
            raw = self.pointer_file.read_bytes()
        except FileNotFoundError:
            return None
        try:
            pointer = msgspec.json.decode(raw, type=Pointer)
        except msgspec.DecodeError as error:
            raise ModelError(f"{self.pointer_file}: not a pointer to a model ({error}); promote one again") from error
        if not _VERSION.fullmatch(pointer.version):
            raise ModelError(f"{self.pointer_file}: {pointer.version[:70]!r} is not a version; promote one again")
        return pointer

    def add(self, manifest: Manifest, model: bytes) -> None:
        """Keep a new model: its folder is there whole, or not at all. Raises ModelError when the version exists."""
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f".{manifest.version}.{secrets.token_hex(4)}"
        draft.mkdir()
        try:
            _write_durably(draft / MODEL_FILE, model)
            _write_durably(draft / MANIFEST_FILE, manifests.encode(manifest))
            draft.rename(self.folder / manifest.version)
        except OSError as error:
            shutil.rmtree(draft, ignore_errors=True)
            if (self.folder / manifest.version).exists():
                raise ModelError(f"model {manifest.version}: is there already; nothing was changed") from error
            raise
        _flush_folder(self.folder)

    def read(self, version: str, manifest_sha256: str | None = None) -> tuple[Manifest, bytes]:
        """A model that fits its manifest and this release, and the bytes of model.txt. manifest_sha256: what the
        pointer promised of the manifest. Raises ModelError when anything does not fit."""
        raw = self._file(version, MANIFEST_FILE)
        if manifest_sha256 is not None and hashlib.sha256(raw).hexdigest() != manifest_sha256:
            raise ModelError(f"model {version}: its manifest is not what was promoted; promote it or another again")
        manifest = manifests.decode(raw, version)
        model = self._file(version, MODEL_FILE)
        manifests.require_usable(manifest, model)
        return manifest, model

    def manifest(self, version: str) -> Manifest:
        """The manifest alone, for lists: nothing is checked but that it can be read."""
        return manifests.decode(self._file(version, MANIFEST_FILE), version)

    def promote(self, version: str) -> None:
        """Point at a version (or RULES_ONLY) that fits its manifest, has passed its evaluation, and loads."""
        digest = ""
        if version != RULES_ONLY:
            manifest, model = self.read(version)
            if not manifest.evaluation.passed:
                found = manifest.evaluation
                raise ModelError(
                    f"model {version}: did not pass its evaluation (ROC AUC {found.roc_auc.low:.3f} to "
                    f"{found.roc_auc.high:.3f}, {found.threshold:g} is needed); promote another"
                )
            require_loadable(version, model)
            digest = hashlib.sha256(self._file(version, MANIFEST_FILE)).hexdigest()
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f".{POINTER_FILE}.{secrets.token_hex(4)}"
        try:
            _write_durably(draft, msgspec.json.encode(Pointer(version, digest)))
            draft.replace(self.pointer_file)
        finally:
            draft.unlink(missing_ok=True)
        _flush_folder(self.folder)

    def _file(self, version: str, name: str) -> bytes:
        if not _VERSION.fullmatch(version) or version == RULES_ONLY:
            raise ModelError(f"{version[:70]!r} is not the version of a model; phantommesh models list prints them")
        path = self.folder / version / name
        try:
            if path.stat().st_size > MAX_FILE_BYTES:
                raise ModelError(f"model {version}: {name} is larger than {MAX_FILE_BYTES} bytes")
            return path.read_bytes()
        except OSError as error:
            raise ModelError(
                f"model {version}: {name} cannot be read ({error.strerror}); see: phantommesh models list"
            ) from error


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("xb") as sink:
        sink.write(content)
        sink.flush()
        os.fsync(sink.fileno())


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
