"""Kubeflow: what a cluster asks of tasks, runs on Kubeflow Pipelines, tuning over many nodes."""
