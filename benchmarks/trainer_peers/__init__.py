"""Programs that all tune the same model on the same rows, each in a process of its own."""
