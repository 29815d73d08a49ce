"""Registration stage: tuned models that passed, as versions with their evidence."""
