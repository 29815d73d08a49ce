"""Reading the sources piece by piece, in as many processes as wanted, with one result."""
