"""Evaluation stage: predict, evaluate."""
