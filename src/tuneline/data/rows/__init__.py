"""Rows of the user's files, piece by piece, in bounded memory."""
