"""Scripts that print ratios against named peers; RESULTS.md holds what was measured."""
