"""The engine: executes scenarios as stages, keeps their evidence, computes verdicts and one decision.

Lives here: everything that works without Airflow. Layers, top to bottom: ``cli`` -> ``stages`` ->
``clients | spec | report | analysis | checks`` -> ``model``.
Must not live here: anything that imports Airflow (see ``orchestration``), and anything of the platform under
validation (see ``phantommesh``): a target is known only by its API and by the commands its environment file names.
"""

__version__ = "0.1.0"
