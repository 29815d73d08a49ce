"""KFP components, one folder for each stage: a typed signature, one call into the library."""
