"""Endurance: what a platform must survive many times over. `make soak` runs it in full, the integration tests in short.

Each module has one function that does it `count` times and returns figures, and the targets of those figures. Processes
to kill are found through `phantommesh status` of the state folder alone. Must not live here: instruments.
"""
