"""The same preparation of data with Tuneline and with each peer, one program for each.

Every program is run as ``python -m benchmarks.prepare_peers.with_NAME JOB`` where ``JOB`` is a file
that `job.Job` describes, and prints one line of JSON: `job.Outcome`.
"""
