"""Several processes: who is who, how weights are split, and how the processes are started."""
