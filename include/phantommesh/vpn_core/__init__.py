"""The control plane of the mesh: peers, WireGuard keys and configurations, quarantine and release, threat signals.

``api`` routes requests to ``peers``, ``quarantines`` and ``signals``; ``requests`` says what is legal, ``keys``,
``network`` and ``wireguard`` know the mesh, ``store`` is the way to PostgreSQL, which holds all state (``schema.sql``,
in a schema and with a role of its own). Any number of replicas share one port and one database; none keeps anything in
memory that another would need. Must not live here: the decision whom to quarantine (``automation.remediation`` and
people make it), and packets: no traffic of the mesh goes through here.
"""
