"""Tuning stage: tune_model."""
