"""Registration in Vertex AI Model Registry: versions under one model, with their evaluation."""
