"""Vertex AI: managed tuning, pipeline runs, and what they share: credentials, clients, failures."""
