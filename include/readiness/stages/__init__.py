"""The stages of a run as plain functions: plan, deploy, verify, load, observe, collect, check, report, sign_off,
decide, teardown.

Lives here: one module per stage, what they share (``run``: where a run lives; ``recording``: how a stage leaves
sealed evidence), and the two ways to go through them without Airflow (``sequence``, ``recompute``).
Must not live here: formulas (analysis), data checks (checks), how anything outside is reached (clients), Airflow.
A stage reads only the archive, the plan above all, so that it can run in a process or a pod of its own.
"""
