"""What people read of a run: curves and a sample of what is learned, and the model card."""
