"""An environment in a cluster, as a user would write it, for tests that need no cluster."""

from pathlib import Path

from readiness.model.kubernetes_environment import KubernetesEnvironment
from readiness.spec.files import read_environment

DEV = """\
name: dev
title: A cluster for tests
driver: kubernetes
cluster:
  contexts: [kind-phantommesh, in-cluster]
  overlay: k8s/overlays/dev
  namespace: phantommesh-dev
  images: {phantommesh/automation: automation}
  networks: [10.244.0.0/16, 10.96.0.0/16]
stages:
  namespace: readiness-dev
  image: phantommesh/readiness:dev
  accounts: {deploy: stage-deploy, drill: stage-drill, observe: stage-observe, default: stage}
  archive: {url: "s3://evidence/dev", secret: readiness-archive}
components:
  automation: {replicas: 3, max_replicas: 10}
  vpn-core: {replicas: 3}
  postgres: {replicas: 1, metrics: false}
  sink: {replicas: 1, metrics: false}
under_load: automation
"""


def cluster_environment(folder: Path) -> KubernetesEnvironment:
    """The environment, read from a file in this folder."""
    path = folder / "dev.yaml"
    path.write_text(DEV)
    environment = read_environment(path)
    assert isinstance(environment, KubernetesEnvironment)
    return environment
