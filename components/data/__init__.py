"""Data stage: fingerprint_source, prepare_dataset."""
