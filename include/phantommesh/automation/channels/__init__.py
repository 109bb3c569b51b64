"""The alert channels: how due alerts reach people, one adapter a channel.

Lives here: the contract (``contract``), what is sent to slack, pagerduty, email and sms, the HTTP connections under
three of them (``connection``, ``posting``), the words that they share (``wording``), and when to try again or to leave
a channel alone (``backoff``, ``circuit_breaker``). Must not live here: queues, the database, and which alerts are due
where.
"""
