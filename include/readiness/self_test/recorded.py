"""Recorded evidence of a run that was approved, copied so that a fault can be planted into the copy."""

import dataclasses
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from readiness.clients.home import Home
from readiness.clients.stores.store import SEAL_NAME
from readiness.clients.tables import read_table
from readiness.model.dataset import DATASETS
from readiness.model.document import sha256, to_json
from readiness.model.evidence import StageRef, measuring_stages
from readiness.model.result import RunDecision
from readiness.stages.check import check
from readiness.stages.decide import decide
from readiness.stages.report import report
from readiness.stages.run import Run
from readiness.stages.sign_off import Answer, sign_off

_JUDGING = ("check", "report", "sign_off", "decide", "teardown")


class Recorded:
    """The evidence of one run with a single scenario. Files are named "stage/file"."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.scenario = run.plan.scenario_names[0]

    def folder(self, stage: str) -> Path:
        """The sealed folder of a stage of the scenario."""
        return self.run.archive.sealed_folder(self.run.run_id, StageRef(self.scenario, stage))

    def path(self, name: str) -> Path:
        stage, file = name.split("/")
        return self.folder(stage) / file

    def table(self, name: str) -> pd.DataFrame:
        return read_table(self.path(name), DATASETS[name])

    def change_table(self, name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
        """Replace a data set by what ``change`` makes of it."""
        change(self.table(name)).to_parquet(self.path(name), compression="zstd", index=False)

    def change_facts(self, name: str, changes: Mapping[str, Any]) -> None:
        """Replace some facts of a JSON file."""
        facts = json.loads(self.path(name).read_bytes()) | dict(changes)
        self.path(name).write_bytes(to_json(facts))

    def seal_anew(self) -> None:
        """Make the seals of the scenario's stages fit what the folders hold now: whatever was changed, was so from
        the start."""
        for stage in measuring_stages(self.run.plan.scenario(self.scenario)):
            ref, folder = StageRef(self.scenario, stage), self.folder(stage)
            seal = self.run.archive.read_seal(self.run.run_id, ref)
            files = tuple(
                dataclasses.replace(
                    file, size_bytes=len(data := (folder / file.name).read_bytes()), sha256=sha256(data)
                )
                for file in seal.files
            )
            inputs = {
                other: self.run.archive.seal_digest(self.run.run_id, StageRef(*other.split("/", 1)))
                for other in seal.inputs
            }
            (folder / SEAL_NAME).write_bytes(to_json(dataclasses.replace(seal, files=files, inputs=inputs)))

    def decided(self) -> RunDecision:
        """What the real stages say of the evidence as it is now."""
        check(self.run, self.scenario)
        report(self.run)
        sign_off(self.run, Answer("not required"))
        return decide(self.run)


def copied(source: Run, folder: Path) -> Recorded:
    """A copy of the run's evidence in a home of its own, without what was concluded from it."""
    home = Home(folder)
    kept = source.home.archive / "runs" / source.run_id
    target = home.archive / "runs" / source.run_id
    shutil.copytree(kept, target, ignore=shutil.ignore_patterns(*_JUDGING))
    return Recorded(Run(home, source.run_id))
