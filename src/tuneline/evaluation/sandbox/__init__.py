"""Runs untrusted Python in a process of its own, under the limits and guards that Linux gives.

The modules `child`, `guards`, `file_rules`, `call_filter`, `system_calls` and `privileges` run in
that process and need the standard library alone; `run` and `isolation` are for the caller.
"""
