"""The kinds of environment, by driver."""

from typing import Annotated

from pydantic import Field

from readiness.model.environment import ExternalEnvironment, LocalEnvironment
from readiness.model.kubernetes_environment import KubernetesEnvironment

AnyEnvironment = Annotated[
    LocalEnvironment | ExternalEnvironment | KubernetesEnvironment, Field(discriminator="driver")
]
"""An environment of any driver, as it is read back from JSON."""
ENVIRONMENT_KINDS: dict[str, type[LocalEnvironment] | type[ExternalEnvironment] | type[KubernetesEnvironment]] = {
    "local": LocalEnvironment,
    "external": ExternalEnvironment,
    "kubernetes": KubernetesEnvironment,
}
