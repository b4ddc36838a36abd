"""Where runs are kept: a folder with an index, or PostgreSQL."""
