"""A link: a small proxy between two parts of a platform on one machine, on which faults can be injected.

Measuring equipment like the sink, no part of the product: one runs for each ``--link FROM:TO`` that ``up`` was asked
for, and without that none is in the way. Lives here: the relay of bytes, what a fault does to it, and the HTTP calls
that set and lift one (docs/platform-api.md). Must not live here: when a fault is due, and what it shows.
"""
