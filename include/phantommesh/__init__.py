"""The reference platform: takes threat alerts, assesses them, alerts people, keeps incidents and an audit trail.

Lives here: what the pipeline validates when it runs out of the box, offered as docs/platform-api.md says:
``automation`` (the service), ``vpn_core`` (the mesh's control plane), ``database`` (the only durable store), ``sink``
(the measuring end of the alert channels), ``threat_model`` (what is learnt from alerts), ``supervision`` (start,
status, stop), ``config`` (the one configuration file), ``links`` (proxies
on which faults are injected), ``logs`` (structured lines), ``serving`` (HTTP
sockets), ``placement`` (where one process serves and whom it reaches), ``serve``
(one process at a time, placed by someone else).
Must not live here: anything of the pipeline that validates it (``readiness``), and nothing that only a test needs.
"""

__version__ = "0.1.0"
