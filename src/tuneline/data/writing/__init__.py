"""The second pass: spooled examples into the files of their splits."""
