"""From a split's examples to batches: token sequences on disk, their order, and how they lie."""
