"""Tuning on several nodes of a cluster: a TrainJob of Kubeflow Trainer, started once, followed."""
