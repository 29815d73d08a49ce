"""What occurs twice: equal examples, prompts of a held-out file, and prompts that are alike."""
