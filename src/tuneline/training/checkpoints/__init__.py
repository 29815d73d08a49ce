"""Checkpoints that are whole and proven, or not used: on this machine, and copied to a store."""
