"""Programs that write the data sets in ``examples/``, one for each kind of task."""
