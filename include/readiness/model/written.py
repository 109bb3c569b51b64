"""How values are written in scenario and environment files: names, quantities with units, the base of all models."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from readiness.model.quantity import Dimension, parse, write

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=60)]
KubernetesName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
"""A name as Kubernetes wants it (RFC 1123 label)."""


def _reads(dimension: Dimension) -> BeforeValidator:
    return BeforeValidator(lambda value: parse(value, dimension))


def _writes(dimension: Dimension) -> PlainSerializer:
    return PlainSerializer(lambda value: write(value, dimension), when_used="json")


Duration = Annotated[float, _reads(Dimension.DURATION), _writes(Dimension.DURATION)]
"""Seconds; written "45s", "30min"."""
Rate = Annotated[float, _reads(Dimension.RATE), _writes(Dimension.RATE), Field(gt=0, le=10_000)]
"""Events per second; written "5000/min"."""
Share = Annotated[float, _reads(Dimension.RATIO), _writes(Dimension.RATIO), Field(ge=0, lt=1)]
"""Ratio; written "40%"."""
Bandwidth = Annotated[float, _reads(Dimension.BANDWIDTH), _writes(Dimension.BANDWIDTH), Field(gt=0)]
"""Bytes per second; written "10Mbit/s", "64KiB/s"."""
ProfileName = Literal["full", "smoke"]


class UserModel(BaseModel):
    """Base of everything users write: frozen, and a key that nobody reads is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
