"""Auto-remediation: an incident that asked for it has its address quarantined by vpn-core, once.

A request is a row of the table ``remediation``, written in the transaction that made its event durable. ``remediator``
claims rows and sees them to their end, ``vpn_core_client`` asks vpn-core, ``statements`` is what is done in the
database, ``settings`` what can be set. Must not live here: whether an incident is to be remediated (the acceptance of
an event decides that), and how an address is quarantined (``phantommesh.vpn_core``).
"""
