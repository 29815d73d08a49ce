"""The data stage: from labeled examples in a user's file to canonical splits and a report.

`prepare.prepare` writes the splits, `check.check` says what it would do, `schema` owns the
form that every later stage reads.
"""
