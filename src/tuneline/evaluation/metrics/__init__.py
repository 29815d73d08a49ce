"""Metrics by task. Each measures single rows and says how their sums become a score."""
