"""Pure functions from evidence to measurements, from measurements to verdicts, from verdicts to the decision.

Lives here: estimates with their intervals, the event ledger, the proof of load, judging and deciding. The same
evidence always gives the same answer.
Must not live here: input or output of any kind, clocks, randomness, or knowledge of how evidence was gathered.
Times inside are epoch ns (UTC) or seconds; values are in the kept unit of their dimension.
"""
