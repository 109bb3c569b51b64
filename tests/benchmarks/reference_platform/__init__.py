"""The reference platform's figures: one module for each load, each with `measure(short)` and its targets.

short: the same rates for a shorter time. Must not live here: instruments (tests/instruments).
"""
