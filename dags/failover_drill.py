"""### Failover drill: how does what runs there stand a fault?

Deploys what the environment names, puts a load on it, breaks what the chosen scenarios say, and measures: the
interruption as an interval, the recovery, and every single event. No release is judged and nobody signs; the decision's
scope is `drill`, which no gate takes for a release's.

| stage | leaves behind |
|---|---|
| request, plan | the run as asked for, with the purpose `drill` |
| deploy, verify | the platform; its steady state before any load |
| load, collect, check | of each scenario in turn: requests, probes, the drill's times; deliveries; verdicts |
| report, decide | the page; APPROVED, REJECTED or INCONCLUSIVE, the task fails unless it is APPROVED |
| teardown, close | always: the environment is given back, whatever happened before |

There is one Airflow DAG for each environment in `scenarios/environments`. An environment serves one run at a time, be
it a drill or a release validation.
"""

from orchestration.failover_drill import failover_drill_dags

for dag in failover_drill_dags(doc_md=__doc__):
    globals()[dag.dag_id] = dag
