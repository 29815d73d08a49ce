"""The shapes that examples come in: how each is recognised, and its converter."""
