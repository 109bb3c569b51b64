"""A target in a Kubernetes cluster, reached through ``kubectl``; a pod that only reads does without (``own_api``).

Lives here: which cluster may be used at all (``kubectl``), what is applied and how it is rolled out and put back
(``overlay``, ``rollout``, ``target``), who is there now (``pods``, ``feed``, ``status``; ``measuring``: Prometheus),
the claim on an environment and the journal of its faults as objects of the cluster (``claim``, ``page``), and each
change that a fault makes (``faults``, ``policies``).
Must not live here: when a fault comes and how long it stays (drills), and what an answer means for a verdict. Every
call names its context, or is made from within a pod; nothing is done with one that the environment does not name.
"""
