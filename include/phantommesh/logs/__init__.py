"""The log of a process: one line for each record, JSON for machines or text for people, to standard error.

Lives here: how a record becomes a line (``lines``), which repeats are held back (``repeats``), how lines leave without
ever holding up the event loop (``pipe_handler``), and what a process calls to begin (``begin``). Everything else uses
the standard library's ``logging`` as ever; ids go in ``extra``: ``_log.debug("accepted", extra={"event_id": ...})``,
so that `grep EVENT_ID` over the logs of all replicas reads as the trace of one event. Must not live here: rotation
(supervisord does it), and the audit trail (the database has it: a log line may be lost, an audit line may not).
"""
