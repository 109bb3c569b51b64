"""Airflow's side of the pipeline: the stages of an environment as tasks, and a local Airflow to run them in.

Lives here: DAG factories, the operators they are made of, the trigger form, the human sign-off, and what starts and
stops a local Airflow (``airflow_home``, ``services``, ``demo``).
Must not live here: measuring, checking or judging - a task starts ``readiness stage ...`` as a process or a pod of its
own and reads what that sealed. Every task imports what the DAG factories import, so nothing heavy may be imported at
the top of their modules (tests/airflow holds the list). ``readiness`` never imports this package.
"""
