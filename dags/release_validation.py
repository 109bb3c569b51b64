"""### Release validation: may this release ship?

Deploys the release, proves its steady state, puts each chosen scenario's load on it, collects what it kept, checks that
against the scenario's objectives, reports, asks a person where that is required, and decides.

| stage | leaves behind |
|---|---|
| request | nothing: refuses what the trigger form does not have |
| plan, deploy, verify | the run as asked for; the platform; its steady state before any load |
| load, collect, check | of each scenario in turn: requests and metrics; audit trail and deliveries; verdicts |
| report | the HTML report and the digest of the evidence that it shows |
| ask_for_sign_off, sign_off | the answer, bound to that digest (skipped, or recorded as not required) |
| decide | APPROVED, REJECTED or INCONCLUSIVE; the task fails unless it is APPROVED |
| teardown | always: the platform is stopped, whatever happened before |
| close | nothing: fails the run if the teardown failed, or if it was ended by hand |

The decision comes from the stored evidence alone, never from a task's colour: `readiness show RUN` prints it, and
`readiness verify RUN` recomputes it. There is one Airflow DAG for each environment in `scenarios/environments`.
"""

from orchestration.release_validation import release_validation_dags

for dag in release_validation_dags(doc_md=__doc__):
    globals()[dag.dag_id] = dag
