"""A judge model: which of two answers to the same request is better, asked in both orders."""
