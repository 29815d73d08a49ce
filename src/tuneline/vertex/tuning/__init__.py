"""Managed tuning on Vertex AI: Gemini by adapter, open models by adapter or full."""
