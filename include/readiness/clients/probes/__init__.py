"""Probes: small requests at a high, fixed rate that tell when a target answers and when it does not.

Lives here: one exchange over a raw or an encrypted socket (``exchange``), the kept connections
(``kept_connections``), what probes send (``event``), the paths (``lanes``), the schedule (``prober``) and the records
(``samples``). A probe must be sent at its time
whatever became of those before it, at little cost: therefore sockets and one event loop, and no HTTP client.
Must not live here: a judgement of what the samples mean (``analysis.interruption``), or a second try of any probe.
"""
