"""Faults of a target in a cluster, put in place and taken back through its API.

Lives here: one small class for each action, as in the package above; what each leaves is restored only as far as it is
still as the fault left it, so that what people or a rollout changed meanwhile stays.
Must not live here: how the API is asked (clients.kubernetes). Whoever is hit is named by the target's own status, with
its uid: a pod of the same name that came later is another one.
"""
