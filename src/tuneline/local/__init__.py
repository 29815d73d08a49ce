"""Whole pipelines on one machine, by kfp's local runner."""
