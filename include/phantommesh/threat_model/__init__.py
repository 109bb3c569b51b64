"""The learned threat model: what a replica needs to score an event, and what trains, keeps and promotes models.

Pure: ``features`` (event and history -> numbers), ``history`` (what a history is, and which hours an event may see),
``combination`` (rule, model and intelligence -> risk and confidence), ``intelligence`` (look-up by address). At the
edge: ``history_tables``, ``history_reader``, ``valkey_cache``, ``intelligence_tables`` (database and cache),
``registry`` and ``manifest`` (models as versioned files), ``scorer`` (inference), ``current_model`` (notices a promoted
one), ``threat_model`` (the whole, as the service uses it). For the command line alone: ``training``, ``commands``,
``intelligence_file``, ``intelligence_import``.

An assessment is a pure function of the event, the model, and the history and intelligence versions that it names.
Must not live here: thresholds and rules (``automation.assess``), and anything that keeps state between two events.
Only ``training`` may import lightgbm, numpy or scipy: a replica must stay lean.
"""
