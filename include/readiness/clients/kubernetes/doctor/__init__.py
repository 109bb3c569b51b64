"""Whether an environment in a cluster can be used at all, found out before anything is changed.

Lives here: one module for each thing that is looked at, and the order (``examination``). Every one of them only asks.
Must not live here: anything that creates, changes or deletes an object of the cluster. Reviews of rights are created,
as the API wants it; the API server answers them and keeps nothing.
"""
