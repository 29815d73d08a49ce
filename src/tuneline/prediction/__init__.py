"""The prediction stage: every candidate's answers to the held-out rows."""
