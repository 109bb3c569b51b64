"""The commands of the threat model: train, models, intelligence. Each imports what it needs when it runs."""

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from phantommesh.threat_model.history import HOUR_NS

if TYPE_CHECKING:
    from phantommesh.config.model import Config
    from phantommesh.threat_model.training.samples import Samples
    from phantommesh.threat_model.training.train import Outcome

FAILED, NOT_PROMOTED, NOT_ENOUGH = 1, 3, 4
_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)
_MODELS = click.option("--models", "models_folder", type=_FOLDER, help="The models folder.")
_STATE = click.option("--state", "state_folder", type=_FOLDER, help="The state folder of a running platform.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as one line of JSON.")


@click.command()
@_MODELS
@_STATE
@click.option("--events", "files", multiple=True, type=_FILE, help="A file of Suricata alerts; may be repeated.")
@click.option("--config", "config_file", type=_FILE, help="With --events: instead of the configuration that ships.")
@click.option("--min-samples", type=click.IntRange(100), help="Fewer: no training. Default: the configuration's.")
@click.option("--eval-threshold", type=click.FloatRange(0.5, 1.0),
              help="ROC AUC on the later quarter that the whole 95 % interval must reach. Default: the configuration's.")  # fmt: skip # noqa: E501
@_JSON
def train(
    models_folder: Path | None, state_folder: Path | None, files: tuple[Path, ...], config_file: Path | None,
    min_samples: int | None, eval_threshold: float | None, as_json: bool,
) -> None:  # fmt: skip
    """Train a model from recorded alerts (--events) or from a running platform (--state), and promote it if it passes.

    Without --models the model goes where the platform's replicas look for it. Exit 0: promoted. 3: trained and kept,
    not promoted. 4: the data does not suffice (too few samples, one class only). 1: it could not be done.
    """
    if bool(files) == (state_folder is not None):
        raise click.UsageError("name either --events FILE or --state DIR")
    config = _config(state_folder, config_file)
    folder = models_folder or _models_of(state_folder, config)
    from phantommesh.threat_model.manifest import ModelError
    from phantommesh.threat_model.registry import Registry
    from phantommesh.threat_model.training.failure import DataError, TrainingError
    from phantommesh.threat_model.training.train import train

    try:
        samples = _of_platform(state_folder, config) if state_folder else _of_files(files, config)
        outcome = train(
            samples,
            Registry(folder),
            min_samples=min_samples or config.ml_training.min_samples,
            threshold=eval_threshold or config.ml_training.eval_threshold,
        )
    except DataError as error:
        _fail(str(error), NOT_ENOUGH)
    except (TrainingError, ModelError) as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename or folder}: {error.strerror or error}; choose another models folder")
    _show(outcome, as_json)


def _config(state_folder: Path | None, config_file: Path | None) -> "Config":
    """The configuration in force: that of the platform, or a file's."""
    from phantommesh.config.load import PRODUCTION, ConfigError, from_json, load
    from phantommesh.supervision.state import State

    if state_folder is not None:
        _socket(state_folder)  # says what to do when no platform runs there
        return from_json(State(state_folder).config.read_bytes())
    try:
        return load(config_file or PRODUCTION, os.environ)
    except ConfigError as error:
        _fail(str(error))


def _models_of(state_folder: Path | None, config: "Config") -> Path:
    from phantommesh.supervision.state import State

    if state_folder is None:
        raise click.UsageError("name the models folder: --models DIR")
    return State(state_folder).models(config.ml_training.models_dir)


def _of_files(files: tuple[Path, ...], config: "Config") -> "Samples":
    from phantommesh.threat_model.training.recordings import read_recordings
    from phantommesh.threat_model.training.samples import make_samples

    events = read_recordings(files)
    return make_samples(events, [None] * len(events), config.threat_assessment)


def _of_platform(state_folder: Path, config: "Config") -> "Samples":
    from phantommesh.threat_model.training.platform_events import read_platform
    from phantommesh.threat_model.training.samples import make_samples

    back_ns = config.ml_training.history_hours * HOUR_NS
    found = asyncio.run(read_platform(_socket(state_folder), back_ns))
    return make_samples(found.events, found.resolutions, config.threat_assessment, found.hours)


def _socket(state_folder: Path) -> str:
    from phantommesh.supervision.failure import PlatformError
    from phantommesh.supervision.state import State

    try:
        run = State(state_folder).read_run()
    except PlatformError as error:
        _fail(str(error))
    if run is None:
        _fail(f"{state_folder}: no platform runs there; start one with: phantommesh up --state {state_folder}")
    return run.database_socket_dir


def _show(outcome: "Outcome", as_json: bool) -> None:
    manifest = outcome.manifest
    area = manifest.evaluation.roc_auc
    if as_json:
        document = {
            "version": manifest.version, "promoted": outcome.promoted, "samples": manifest.samples,
            "analyst_labels": manifest.analyst_labels, "roc_auc": area.value, "roc_auc_low": area.low,
            "roc_auc_high": area.high, "threshold": manifest.evaluation.threshold,
        }  # fmt: skip
        click.echo(json.dumps(document))
    else:
        verdict = "promoted" if outcome.promoted else "not promoted"
        click.echo(
            f"{verdict}: {manifest.version}  ROC AUC {area.value:.3f} ({area.low:.3f} to {area.high:.3f}), "
            f"{manifest.evaluation.threshold:g} is needed; {manifest.samples} samples, "
            f"{manifest.analyst_labels} judged by people"
        )
    if not outcome.promoted:
        raise SystemExit(NOT_PROMOTED)


@click.group()
def models() -> None:
    """List models, promote one, go back to another."""


@models.command("list")
@click.option("--models", "models_folder", required=True, type=_FOLDER, help="The models folder.")
@_JSON
def list_models(models_folder: Path, as_json: bool) -> None:
    """Print all models, oldest first; the promoted one is marked."""
    from phantommesh.threat_model.manifest import RULES_ONLY, ModelError
    from phantommesh.threat_model.registry import Registry

    registry = Registry(models_folder)
    try:
        pointer = registry.pointer()
    except (ModelError, OSError) as error:
        _fail(str(error))
    current = RULES_ONLY if pointer is None else pointer.version
    lines: list[dict[str, Any]] = []
    for version in registry.versions():
        line: dict[str, Any] = {"version": version, "current": version == current}
        try:
            area = registry.manifest(version).evaluation
            line |= {"passed": area.passed, "roc_auc": area.roc_auc.value, "problem": None}
        except ModelError as error:
            line |= {"passed": False, "roc_auc": None, "problem": str(error)}
        lines.append(line)
    if as_json:
        click.echo(json.dumps({"current": current, "models": lines}))
        return
    click.echo(f"in force: {current}")
    for line in lines:
        shown = line["problem"] or f"ROC AUC {line['roc_auc']:.3f}{'' if line['passed'] else ', did not pass'}"
        click.echo(f"{'*' if line['current'] else ' '} {line['version']}  {shown}")


@models.command("promote")
@click.argument("version")
@click.option("--models", "models_folder", required=True, type=_FOLDER, help="The models folder.")
def promote_model(version: str, models_folder: Path) -> None:
    """Put a model in force, an older one, too; replicas follow within a second. VERSION `rules-only`: no model."""
    from phantommesh.threat_model.manifest import ModelError
    from phantommesh.threat_model.registry import Registry

    try:
        Registry(models_folder).promote(version)
    except ModelError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename or models_folder}: {error.strerror or error}")
    click.echo(f"in force: {version}")


@click.group()
def intelligence() -> None:
    """Threat intelligence: addresses and networks that are known for something."""


@intelligence.command("import")
@click.argument("file", type=_FILE)
@click.option("--state", "state_folder", required=True, type=_FOLDER, help="The state folder of a running platform.")
def import_intelligence(file: Path, state_folder: Path) -> None:
    """Replace all that the source of FILE said before by what FILE says; replicas follow within a second."""
    from phantommesh.threat_model.intelligence_file import IntelligenceError, read_file
    from phantommesh.threat_model.intelligence_import import import_file

    try:
        read = read_file(file)
        version = asyncio.run(import_file(_socket(state_folder), read))
    except IntelligenceError as error:
        _fail(str(error))
    click.echo(f"version {version}: {len(read.indicators)} indicators of {read.source}")


def _fail(message: str, code: int = FAILED) -> NoReturn:
    click.echo(f"phantommesh: {' '.join(message.split())}", err=True)
    raise SystemExit(code)
