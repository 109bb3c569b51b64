"""Which cluster a stage's pod is made in: only one that the environment file names."""

from collections.abc import Collection, Sequence

from readiness.model.kubernetes_environment import IN_CLUSTER


class ClusterRefusedError(Exception):
    """No cluster that may be used; one line that says what to do."""


def chosen_context(
    environment: str, allowed: Sequence[str], available: Collection[str], active: str | None, *, in_cluster: bool
) -> str | None:
    """The context of the kubeconfig to use; None: Airflow runs in the cluster, and that is meant.

    The active one if it may be used, else the only one that may. Raises ClusterRefusedError."""
    legal = ", ".join(allowed)
    if in_cluster:
        if IN_CLUSTER in allowed:
            return None
        raise ClusterRefusedError(
            f"environment {environment}: this Airflow runs in a cluster, and cluster.contexts names only {legal}; add "
            f"{IN_CLUSTER} if it is this cluster that is meant"
        )
    if active is not None and active in allowed:
        return active
    usable = [name for name in allowed if name in available]
    if len(usable) == 1:
        return usable[0]
    found = ", ".join(sorted(available)) or "none"
    raise ClusterRefusedError(
        f"environment {environment}: the kubeconfig has the contexts {found}, and cluster.contexts allows {legal}; "
        + ("make one of those the current one" if usable else "add one of those to it, or name the right one there")
    )
