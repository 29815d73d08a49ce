"""Kubeflow Model Registry: a tuned model is a version with a model artifact."""
