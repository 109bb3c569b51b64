"""Writes the Helm chart `phantommesh` from what kustomize makes of k8s/: no object is written twice.

Lives here: the kustomizations that are rendered for it (``variants``), how their differences become conditions
(``tree``), what a user of the chart may change (``settings``), how all of it is put down as templates (``text``), and
the chart's files (``chart``). Must not live here: an object, or a part of one: that is in k8s/base and k8s/components.
"""
