"""Runs queries that a model wrote against a user's database: read-only, limited and guarded.

`database` and `comparison` are for the caller; `worker` and the engines run in a process of their
own, which can be ended when an engine cannot be.
"""
