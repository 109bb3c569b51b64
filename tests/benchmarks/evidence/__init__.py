"""How long, and in how much memory, the evidence of a long run is analysed.

Lives here: the benchmarks of the ledger and of the whole check stage, and the synthetic evidence they read.
"""
