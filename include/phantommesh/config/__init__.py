"""The platform's configuration: one YAML file, overrides from the environment, one frozen model.

Lives here: the model, its reading and the file that ships. Must not live here: what uses a value, and what a run
decides by itself (ports, folders, process ids: see ``supervision``).
"""
