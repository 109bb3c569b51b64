"""### Gate self-test: does the gate catch what it is there to catch?

Plants faults one by one - into a fake platform, into recorded evidence, into the harness - and lets the real stages
decide: each fault must be named, and fakes without a fault must be approved. Takes long, for a leak needs five minutes
to show; `quick` is a subset of under two. Nothing else is touched: every run has a home of its own, which is removed.

The log of the task `self_test` ends with the table: the fault, what the gate said, caught or not. The task fails when
one was missed, or a run without a fault was not approved.
"""

from orchestration.gate_self_test import gate_self_test_dag

# Airflow finds the DAG by this name.
dag = gate_self_test_dag(doc_md=__doc__)
