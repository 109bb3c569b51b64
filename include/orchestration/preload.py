"""For ``airflow_local_settings.py`` of an Airflow whose tasks start pods: ``import orchestration.preload``.

The scheduler's task processes are forks of it; what it has imported they need not import again, which takes seconds for
each stage and CPU from what is measured. Costs the scheduler 120 MiB."""

import sys

if sys.argv[1:2] == ["scheduler"]:
    import airflow.providers.cncf.kubernetes.operators.pod  # noqa: F401 - to have it imported
