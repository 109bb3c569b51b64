"""What every section of the configuration is made of.

pydantic checks what users write against the model. A replica reads what was checked already, and starts without
pydantic: a third of its start would go into importing it. annotated_types is pydantic's own vocabulary.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from annotated_types import Ge, Gt, Le, Len


class Section:
    """pydantic's own hook for dataclasses: unknown keys are errors, types are not guessed, and the text below a field
    is what the field does. Values are not repeated in pydantic's messages: they may be secrets at the wrong place."""

    __slots__ = ()
    __pydantic_config__: ClassVar[dict[str, object]] = {
        "extra": "forbid",
        "allow_inf_nan": False,
        "strict": True,
        "use_attribute_docstrings": True,
        "hide_input_in_errors": True,
    }


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a text. words: what it must be, for people; accepts: whether a text is that."""

    words: str
    accepts: Callable[[str], bool]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """pydantic's hook for checks; called only where pydantic is loaded."""
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        """pydantic's hook for the schema, which the reference is made of."""
        return {**handler(schema), "form": self.words}

    def _checked(self, text: str) -> str:
        if not self.accepts(text):
            raise ValueError(f"must be {self.words}")
        return text


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda text: compiled.fullmatch(text) is not None


def _is_address(schemes: tuple[str, ...]) -> Callable[[str], bool]:
    def accepts(text: str) -> bool:
        try:
            parts = urlsplit(text)
            return bool(
                parts.scheme in schemes and parts.hostname and parts.password is None and parts.port != 0
                and text.isascii() and text.isprintable() and " " not in text
            )  # fmt: skip
        except ValueError:  # a port that is none, a bracket that is not closed
            return False

    return accepts


_is_socket = _matches(r"unix:///[!-~]+")
Risk = Annotated[float, Gt(0), Le(10)]
Seconds = Annotated[float, Gt(0), Le(60)]
Linger = Annotated[float, Ge(0), Le(100)]
Retries = Annotated[int, Ge(0), Le(10)]
Ttl = Annotated[int, Ge(1), Le(604_800)]
Line = Annotated[str, Len(1, 200), Form("one line of printable text", str.isprintable)]
HttpAddress = Annotated[
    str, Len(1, 2000), Form("an address as https://host/path, without a password in it", _is_address(("http", "https")))
]
LookupAddress = Annotated[
    str, Len(1, 2000),
    Form("an address as https://host/path/{delivery_id}, without a password in it, with {delivery_id} behind the host",
         lambda text: _is_address(("http", "https"))(text) and "{delivery_id}" in text.split("/", 3)[-1]),
]  # fmt: skip
CacheAddress = Annotated[
    str, Len(1, 2000),
    Form("an address as valkey://host:6379/0, without a password in it, or unix:///folder/socket",
         lambda text: _is_address(("valkey", "valkeys", "redis", "rediss"))(text) or _is_socket(text)),
]  # fmt: skip
MailAddress = Annotated[str, Len(3, 254), Form("an email address as name@host", _matches(r"[!-?A-~]+@[A-Za-z0-9.-]+"))]
Phone = Annotated[str, Form("a telephone number as +12025550100 (E.164)", _matches(r"\+[1-9][0-9]{6,14}"))]
TimeOfDay = Annotated[str, Form('a time of day as "00:00", in quotes', _matches(r"([01][0-9]|2[0-3]):[0-5][0-9]"))]
