"""How many replicas there should be.

Lives here: the rule by which Kubernetes' HorizontalPodAutoscaler decides, and its settings. Pure: no clock, no
process, no file. Two drivers follow it: on one machine ``supervision.scaler``; in a cluster the autoscaler itself,
whose manifest says the same settings. Must not live here: how use is measured, how a replica is started or stopped.
"""
