"""Programs that make what ships with the package: the embedded base model and the demo's data."""
