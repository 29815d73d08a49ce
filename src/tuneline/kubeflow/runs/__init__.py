"""Pipeline runs on Kubeflow Pipelines: what is sent, submission, following, schedules."""
