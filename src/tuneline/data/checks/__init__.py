"""The rules that rows must keep: each has a code, a sentence, a fix and a severity."""
