"""Instruments for a running platform: an open-loop sender, the account of every event, CPU, memory and bytes.

Benchmarks, endurance tests and their short forms measure with the same instruments. They know the platform by its API,
its commands, and the database's socket that its state folder names. Must not live here: a scenario, a target, a test.
"""
