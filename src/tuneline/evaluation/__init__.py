"""What tuning was worth: metrics with intervals, paired tests, a verdict and its report."""
