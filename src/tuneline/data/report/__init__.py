"""report.html: what a person looks at before paying for a tuning run."""
