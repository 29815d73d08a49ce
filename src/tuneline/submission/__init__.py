"""Pipeline runs on any service: the spec, its parameters, local data into a bucket, waiting."""
