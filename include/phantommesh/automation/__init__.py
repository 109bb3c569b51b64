"""The service: takes alerts over HTTP, makes them durable, assesses them, keeps incidents, alerts people.

The way of an event: ``api`` -> ``body``, ``events`` (what is legal) -> ``ingest`` (durable, then answered) -> ``work``
(``assess``, incident, due deliveries: one transaction) -> ``deliver`` (to the channels). ``session`` is a replica's
hold on the database, ``watch`` sees to the work of replicas that died. Any number of replicas share one port and one
database; none knows another but by the database. Must not live here: process supervision, and the sink.
"""
