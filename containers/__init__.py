"""Builds the images that the components run in, and the lock files that say what is in them."""
