"""The user's files as local ones: found, fetched where they are remote, and known by digest."""
