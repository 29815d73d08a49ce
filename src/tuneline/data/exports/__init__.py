"""Further forms of prepared examples, for trainers and services that take no canonical files."""
