"""Registration stage: register_model."""
