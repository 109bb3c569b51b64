"""The gate tests itself: planted faults must be caught, and a platform without one must be approved.

Lives here: the fake platform and its faults, what is done to recorded evidence, the catalogue of both with what the
gate must name, and the session that goes through them with the real stages.
Must not live here: judgement on real runs, and anything that the real stages import.
"""
