"""Telling a change from noise: verdicts, what did it, and how they have moved over time."""
