"""Start, status and stop of the platform's processes on one machine.

Lives here: the state folder and what it records, the supervisor daemon and its settings, ``up``, ``status``, ``down``.
Processes are known by recorded id and start time, never by name. Must not live here: what the processes do.
"""
