"""Answers of Gemini models and of endpoints that tuned ones answer from, paid for once."""
