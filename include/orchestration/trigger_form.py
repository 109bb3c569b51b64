"""The form that triggers a run: what may be asked for, and how it reaches the plan stage."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from airflow.sdk import Param
from readiness.model.environment import Environment
from readiness.model.written import ProfileName

_MOST_REPLICAS = 9


def trigger_form(environment: Environment, scenarios: Iterable[str]) -> dict[str, Param]:
    """The parameters of a DAG run with their defaults; Airflow's API refuses values that do not fit (422)."""
    names = sorted(scenarios)
    usual = environment.components[environment.under_load].replicas
    return {
        "scenarios": Param(
            ["steady"] if "steady" in names else names[:1], type="array", title="Scenarios", examples=names,
            items={"type": "string", "enum": names}, minItems=1, uniqueItems=True,
            description="Executed one after the other, in this order.",
        ),
        "profile": Param(
            environment.default_profile, type="string", title="Profile", enum=list(get_args(ProfileName)),
            description="smoke has short phases and can gate a merge; full can gate a release.",
        ),
        "version": Param(
            "", type="string", title="Version under test", maxLength=100, pattern=r"^([A-Za-z0-9][A-Za-z0-9.+_-]*)?$",
            description="Empty: what is installed, or what the overlay names.",
        ),
        "sign_off": Param(
            environment.sign_off, type="boolean", title="Sign-off",
            description="A person must approve the report before the decision.",
        ),
        "replicas": Param(
            usual, type="integer", title=f"Replicas of {environment.under_load}", minimum=1, maximum=_MOST_REPLICAS,
        ),
    }  # fmt: skip


def drill_form(environment: Environment, scenarios: Iterable[str]) -> dict[str, Param]:
    """The parameters of a drill: the same, over scenarios with a drill, and without a signature."""
    names = sorted(scenarios)
    form = trigger_form(environment, names)
    del form["sign_off"]
    form["scenarios"].value = ["failover"] if "failover" in names else names[:1]
    return form


def unknown_keys(conf: Iterable[str], form: Sequence[str]) -> str:
    """One line that names the keys of a trigger that the form does not have; empty if there is none.

    Airflow takes any key without a word: a misspelt one would silently leave the default in place."""
    unknown = sorted(set(conf) - set(form))
    if not unknown:
        return ""
    plural = "keys" if len(unknown) > 1 else "key"
    return f"conf: unknown {plural} {', '.join(map(repr, unknown))}; legal are {', '.join(form)}"


def plan_arguments(params: Mapping[str, Any], *, environment: str, requested_by: str | None) -> list[str]:
    """The arguments of ``readiness stage plan``. Values are joined by "=", so that none can pass for an option."""
    arguments = [f"--environment={environment}", f"--profile={params['profile']}", f"--replicas={params['replicas']}"]
    arguments += [f"--scenario={name}" for name in params["scenarios"]]
    arguments += ["--sign-off" if params.get("sign_off") else "--no-sign-off"]
    arguments += [f"--version={params['version']}"] if params["version"] else []
    arguments += [f"--requested-by={requested_by}"] if requested_by else []
    return arguments
