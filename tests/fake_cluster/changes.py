"""What people get wrong in a cluster, done to the fake one."""

from collections.abc import Callable
from typing import Any

from fake_cluster.cluster import NAMESPACE, FakeCluster

Change = Callable[[FakeCluster], None]


def setting(**values: Any) -> Change:
    """What the fake knows beside its objects is this."""

    def change(cluster: FakeCluster) -> None:
        with cluster.changed() as state:
            state.update(values)

    return change


def without(kind: str, name: str) -> Change:
    """The object is gone."""

    def change(cluster: FakeCluster) -> None:
        with cluster.changed() as state:
            state["objects"] = [i for i in state["objects"] if (i["kind"], i["metadata"]["name"]) != (kind, name)]

    return change


def with_meta(kind: str, name: str, **values: Any) -> Change:
    """The object's metadata has these, too."""

    def change(cluster: FakeCluster) -> None:
        with cluster.changed() as state:
            for item in state["objects"]:
                if (item["kind"], item["metadata"]["name"]) == (kind, name):
                    item["metadata"] |= values

    return change


def with_quota(namespace: str = NAMESPACE, **hard: str) -> Change:
    """A quota, its keys with '_' for '.'."""
    spec = {"hard": {key.replace("_", "."): value for key, value in hard.items()}}
    return lambda cluster: cluster.add("v1", "ResourceQuota", "team", namespace=namespace, spec=spec)
