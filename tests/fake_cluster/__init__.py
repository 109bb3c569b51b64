"""A cluster that is a file, behind a program that stands on the search path in kubectl's place.

Lives here: the program (``program``), what it keeps (``state``), what a test says of the cluster (``cluster``),
and what people get wrong in one (``changes``).
It answers what the engine asks, as the API server does: objects with uids and versions, preconditions, conflicts,
refusals; a pod that goes is replaced as its owner would. What the engine does not use, it does not know.
"""
