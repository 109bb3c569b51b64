"""Where a secret is: in a file or in an environment variable. The configuration never holds the secret itself."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from annotated_types import Len

from phantommesh.config.section import Form, Section

MAX_SECRET_BYTES = 64 * 1024
HOW = "must be {file: /path} or {env: NAME}: the configuration names where a secret is and never holds it"
_AbsolutePath = Annotated[
    str, Len(2, 4096), Form("an absolute path", lambda text: text.startswith("/") and "\0" not in text)
]
_VariableName = Annotated[
    str, Len(1, 200), Form("the name of an environment variable", lambda text: text.isascii() and text.isidentifier())
]


class SecretError(ValueError):
    """A secret cannot be had. The text names where it should be, never what was found there."""


@dataclass(frozen=True, slots=True)
class SecretSource(Section):
    """A secret, by the place where it is."""

    file: _AbsolutePath | None = None
    """A file whose only line is the secret."""
    env: _VariableName | None = None
    """The environment variable that holds the secret."""

    def __post_init__(self) -> None:
        """Raises ValueError unless there is exactly one place."""
        if (self.file is None) == (self.env is None):
            raise ValueError(HOW)

    def reveal(self, environment: Mapping[str, str] = os.environ) -> str:
        """The secret, read anew at each call. Raises SecretError. Keep it out of messages and of `repr`."""
        if self.file is not None:
            return _secret(f"the file {self.file}", _content(Path(self.file)))
        where = f"the environment variable {self.env}"
        if (found := environment.get(str(self.env))) is None:
            raise SecretError(f"{where} is not set; set it for every process of the platform")
        return _secret(where, found)


def _content(path: Path) -> str:
    problem = ""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            problem = "is no file"
        else:
            with path.open("rb") as file:
                raw = file.read(MAX_SECRET_BYTES + 1)
            if len(raw) > MAX_SECRET_BYTES:
                problem = f"has more than {MAX_SECRET_BYTES} bytes"
            else:
                return raw.decode()
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
    except UnicodeDecodeError:
        problem = "is not UTF-8"  # raised below: the error at hand holds the bytes
    raise SecretError(f"the file {path} {problem}; it must hold the secret as its only line")


def _secret(where: str, text: str) -> str:
    secret = text.rstrip("\r\n")
    if not secret:
        raise SecretError(f"{where} is empty; it must hold the secret")
    if not secret.isprintable():
        raise SecretError(f"{where} must hold one line of printable text, without tabs or control characters")
    return secret
