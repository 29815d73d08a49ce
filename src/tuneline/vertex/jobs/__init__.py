"""Pipeline runs on Vertex AI: what is sent, submission, following, schedules."""
