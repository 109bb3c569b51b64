"""Faults: how each kind is put in place and taken back, and who is hit.

Lives here: one small class for each action (``kill``, ``pause``, ``links``, ``disk``) with ``arm``, ``inject``,
``restore`` and ``describe``; who may be hit (``victims``); what would be left if this process died now (``journal``);
when a system is healthy again (``health``); and the order of it all (``execution``); the actions on pods (``cluster``).
``catalogue`` joins an action's name with its class.
Must not live here: when a scenario wants which fault (model), the archive and how a stage ends (stages), and what the
times mean (analysis). Whoever is hit is named by the target's own status, never found by a name or a pattern.
"""
