"""How the images are built, beyond what test_requirements.py says of what is in them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

IMAGES = Path(__file__).resolve().parents[3] / "k8s" / "images"
NAMES = sorted(path.parent.name for path in IMAGES.glob("*/Dockerfile"))


def instructions(text: str) -> list[tuple[str, str]]:
    """(instruction, the rest), with continued lines joined and comments left out."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    whole = re.sub(r"\\\n\s*", " ", lines)
    return [
        (first.upper(), rest.strip())
        for first, _, rest in (line.partition(" ") for line in whole.splitlines())
        if first
    ]


def complaints(text: str) -> Iterator[str]:
    """What of it is not as an image here is built."""
    found = instructions(text)
    bases = [index for index, (first, _) in enumerate(found) if first == "FROM"]
    if len(bases) < 2:
        yield "is built in one stage"
    users = [rest for first, rest in found[bases[-1] :] if first == "USER"]
    if not users or not re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", users[-1]):
        yield "does not end as a user who is a number and not root"
    for first, rest in found:
        for command in re.split(r"&&|;|\|\|", rest) if first == "RUN" else ():
            if re.search(r"\bpip\b.*\binstall\b", command) and "--require-hashes" not in command:
                yield f"installs what has no hash: {command.strip()}"
    given = {rest.partition("=")[0]: rest.partition("=")[2] for first, rest in found[: bases[0]] if first == "ARG"}
    stages = [re.match(r"\S+ AS (\S+)$", rest) for first, rest in found if first == "FROM"]
    own = {stage[1] for stage in stages if stage}
    for first, rest in found:
        base = rest.split()[0] if rest else ""
        if first == "FROM" and not (re.fullmatch(r"\$\{\w+\}", base) and ":" in given.get(base[2:-1], "")):
            yield f"is made from {base}, which no argument names with a version"
        if first == "COPY" and (named := re.search(r"--from=(\S+)", rest)) and named[1] not in own:
            yield f"copies from {named[1]}, which is no stage of it"


def test_every_image_is_looked_at() -> None:
    assert NAMES == ["automation", "readiness", "vpn-core"]


@pytest.mark.parametrize("name", NAMES)
def test_an_image_is_built_as_it_should_be(name: str) -> None:
    assert list(complaints((IMAGES / name / "Dockerfile").read_text())) == []


def test_kubectl_is_that_of_kubernetes() -> None:
    found = instructions((IMAGES / "readiness" / "Dockerfile").read_text())
    args = dict(rest.split("=", 1) for first, rest in found if first == "ARG")
    assert re.fullmatch(r"registry\.k8s\.io/kubectl:v1\.\d+\.\d+", args["KUBECTL"])
    assert ("FROM", "${KUBECTL} AS kubectl") in found
    assert ("COPY", "--from=kubectl /bin/kubectl /usr/local/bin/kubectl") in found


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("USER 65532:65532", "USER nobody", "does not end as a user"),
        ("USER 65532:65532", "USER 0:65532", "does not end as a user"),
        ("WORKDIR /tmp", "USER root", "does not end as a user"),
        ("--require-hashes", "--quiet", "installs what has no hash"),
        ("USER 65532:65532", "RUN pip install requests\nUSER 65532:65532", "installs what has no hash"),
        ("FROM ${PYTHON} AS packages", "FROM python AS packages", "is made from python"),
        ("FROM ${KUBECTL} AS kubectl\n", "", "copies from kubectl"),
        ("python:3.11-slim", "python", "is made from ${PYTHON}"),
    ],
)
def test_what_is_damaged_is_named(old: str, new: str, said: str) -> None:
    text = (IMAGES / "readiness" / "Dockerfile").read_text()
    assert old in text
    assert any(line.startswith(said) for line in complaints(text.replace(old, new)))


def test_an_image_of_one_stage_is_named() -> None:
    assert "is built in one stage" in complaints("ARG A=b:1\nFROM ${A}\nUSER 1:1\n")
