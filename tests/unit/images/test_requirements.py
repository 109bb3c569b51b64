"""What the images are made of: parts of requirements.txt, and all that the code in them imports."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distributions, packages_distributions, version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
# What of the code no image runs: the platform on one machine, and training.
NOT_IN_AN_IMAGE = ("supervision", "links", "scaling", "training", "server.py")
PARTS = {
    "readiness": ((ROOT / "include/readiness", ROOT / "scenarios/locust"), ("self_test",)),
    "platform": ((ROOT / "include/phantommesh",), NOT_IN_AN_IMAGE),
}


def _pinned(name: str) -> dict[str, str]:
    """`package==version ; condition` -> all of its hashes."""
    text = (ROOT / name).read_text()
    blocks = re.findall(r"^([a-z0-9][^\\\n]*==[^\\\n]*?) ?\\\n((?:    --hash=\S+(?: \\)?\n)+)", text, re.MULTILINE)
    return {head.partition(" ;")[0]: " ".join(sorted(re.findall(r"sha256:\w+", hashes))) for head, hashes in blocks}


def _imported(folders: tuple[Path, ...], without: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """Each module's first name that is imported, and where."""
    for file in (file for folder in folders for file in sorted(folder.rglob("*.py"))):
        if any(part in without for part in file.parts):
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            names = [node.module] if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module else []
            names += [item.name for item in node.names] if isinstance(node, ast.Import) else []
            yield from ((name.partition(".")[0], file) for name in names)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_pins_what_the_whole_pins(part: str) -> None:
    whole, pinned = _pinned("requirements.txt"), _pinned(f"requirements-{part}.txt")
    assert len(pinned) > 20
    assert {head: hashes for head, hashes in pinned.items() if whole.get(head) != hashes} == {}, "run: make lock"


@pytest.mark.parametrize("part", PARTS)
def test_a_part_holds_everything_that_its_code_imports(part: str) -> None:
    known = packages_distributions()
    listed = {_plain(line.split()[0]) for line in (ROOT / f"requirements-{part}.in").read_text().splitlines()
              if line and not line.startswith("#")}  # fmt: skip
    locked = {_plain(head.partition("==")[0]) for head in _pinned(f"requirements-{part}.txt")}
    assert listed <= locked
    ours = {"phantommesh", "readiness", *(file.stem for file in (ROOT / "scenarios/locust").glob("*.py"))}
    missing = {
        name: str(file.relative_to(ROOT))
        for name, file in _imported(*PARTS[part])
        if name not in ours | set(sys.stdlib_module_names)
        and not locked & {_plain(distribution) for distribution in known.get(name, [name])}
    }
    assert not missing, f"add them to requirements-{part}.in"


@pytest.mark.parametrize("part", PARTS)
def test_no_airflow_and_no_address_in_a_part(part: str) -> None:
    text = (ROOT / f"requirements-{part}.txt").read_text()
    assert "airflow" not in text
    assert "://" not in text


def test_a_replica_is_not_given_what_only_training_needs() -> None:
    assert not [
        head for head in _pinned("requirements-platform.txt") if head.startswith(("numpy", "scipy", "supervisor"))
    ]


@pytest.mark.parametrize("image", ["automation", "vpn-core", "readiness"])
def test_an_image_is_built_in_stages_and_is_not_root(image: str) -> None:
    lines = (ROOT / "k8s/images" / image / "Dockerfile").read_text().splitlines()
    assert sum(line.startswith("FROM ") for line in lines) >= 2
    assert "USER 65532:65532" in lines[max(index for index, line in enumerate(lines) if line.startswith("FROM ")) :]
    assert any("--require-hashes" in line for line in lines)
    for line in lines:
        if line.startswith("COPY ") and "--from=" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), line


def test_the_image_of_the_stages_knows_the_version_of_the_engine_in_it(tmp_path: Path) -> None:
    # By the very line of the Dockerfile: the engine is copied there, and a plan asks for its version.
    text = (ROOT / "k8s/images/readiness/Dockerfile").read_text()
    program = re.search(r"^RUN python -c '(import pathlib.*)'$", text, re.MULTILINE)
    assert program is not None
    packages = tmp_path / "lib/python3.11/site-packages"
    packages.mkdir(parents=True)
    here = program[1].replace("/tmp/", f"{ROOT}/").replace("/opt/venv", str(tmp_path))  # noqa: S108 - the image's
    subprocess.run([sys.executable, "-c", here], check=True)
    asked = set(re.findall(r'metadata\.version\("([^"]+)"\)', (ROOT / "include/readiness/stages/plan.py").read_text()))
    made = {found.metadata["Name"]: found.version for found in distributions(path=[str(packages)])}
    assert made == {name: version(name) for name in asked} != {}


def _plain(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[<>=!~\[; ]", name)[0]).lower()
