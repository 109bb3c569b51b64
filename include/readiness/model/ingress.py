"""What users write of the ingress of a platform in a cluster: the way in from outside."""

from typing import Annotated

from pydantic import Field, model_validator

from readiness.model.written import KubernetesName, UserModel

IngressUrl = Annotated[str, Field(pattern=r"^https://[^\s/?#@]+$", max_length=300)]
"""Scheme, host and port, without a path: "https://198.18.0.10:30443"."""
HostName = Annotated[
    str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$", max_length=253)
]
VariableName = Annotated[str, Field(pattern=r"^READINESS_[A-Z0-9_]+$", max_length=100)]
"""Of variables with this beginning alone: an environment file must not be able to name another secret of the process,
which would then be sent to the address that it names."""
AbsolutePath = Annotated[str, Field(pattern=r"^/\S", max_length=4096)]


class Elsewhere(UserModel):
    """Where a value is that stands in no environment file: ``{env: READINESS_...}`` or ``{file: /path}``."""

    env: VariableName | None = None
    file: AbsolutePath | None = None

    @model_validator(mode="after")
    def _one(self) -> "Elsewhere":
        if (self.env is None) == (self.file is None):
            raise ValueError("write either {env: READINESS_NAME} or {file: /path}")
        return self


class Ingress(UserModel):
    """The way in from outside, which is verified and probed beside the Service.

    ``url``: where it takes connections; loopback, in 198.18.0.0/15, or in one of ``cluster.networks``. ``host``: the
    name that it is asked for, which its certificate must have. ``certificate``: who is believed, as PEM; absent: the
    authorities of this machine. ``unverified``: why any certificate is believed. ``user``, ``password``: of HTTP's
    basic authentication. ``secret``: in the stages' namespace; its keys are variables of the pods that go through the
    ingress.
    """

    url: IngressUrl
    host: HostName
    certificate: Elsewhere | None = None
    unverified: Annotated[str, Field(min_length=10, max_length=300)] | None = None
    user: Elsewhere | None = None
    password: Elsewhere | None = None
    secret: KubernetesName | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> "Ingress":
        if self.certificate is not None and self.unverified is not None:
            raise ValueError("certificate and unverified: one of the two, who is believed or why everybody is")
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password: both, or neither where nobody is asked for them")
        return self
