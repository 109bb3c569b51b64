"""What only a real cluster can show: the manifests applied, reached, guarded, backed up. `make test-cluster` runs it.

Needs KUBECONFIG and, in the nodes, the images that k8s/overlays/dev names. Everything is aimed at the cluster's own
addresses and at this machine's; a cluster at another address is refused. What no cluster is needed for belongs into
tests/manifests.
"""
