"""The platform's configuration: one YAML file, overrides from the environment, one frozen model.

Lives here: the model (``model``, ``alert_routing``, ``secret_source``, ``section``), its reading (``yaml_source``,
``load``, ``problems``), what is shown of it (``settings``, ``reference``, ``command``) and the file that ships. Must
not live here: what uses a value, and what a run decides by itself (ports, folders, process ids: see ``supervision``).
A replica reads what ``up`` checked, with ``load.from_json``: nothing that it imports may import yaml or pydantic.
"""
