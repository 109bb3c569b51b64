"""What k8s/ holds is checked here without a cluster: rendered by kustomize itself, then looked at.

Lives here: the rendering (``rendering``), how objects are read (``objects``), one function for each rule (``checks``),
and the damages that the checks must notice (``damages``). Must not live here: what needs a cluster (tests/cluster).
"""
