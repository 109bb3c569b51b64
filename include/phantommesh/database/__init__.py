"""PostgreSQL, the only durable store: a real server from a Python wheel.

Lives here: where the server's programs are and as whom they run, a new data folder, the schema, and the statements
that change more than one table. Must not live here: decisions about events, and process supervision.
"""
