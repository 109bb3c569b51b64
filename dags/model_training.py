"""### Model training: a new threat model from what was recorded

Every day at 00:00 UTC, and whenever someone asks for it in Airflow.

| task | does |
|---|---|
| train | starts `phantommesh train`: fits, evaluates on the later quarter, keeps the model, promotes it if it passes |
| promoted | *skipped* when the model did not pass: the model in force stays, and the reason is in the log of `train` |

The run fails when no model could be made: unreadable events, too few of them, no platform. A model that did not pass
is no failure of the training: the run succeeds and shows a skipped task. Running replicas follow a promotion by
themselves.

`PHANTOMMESH_STATE` names the state folder of the platform to learn from and `PHANTOMMESH_MODELS` the models folder
(default: `models` in the state folder). Without the former the nightly run has nothing to train from and is skipped.
"""

from orchestration.model_training import model_training_dag

dag = model_training_dag(doc_md=__doc__)
