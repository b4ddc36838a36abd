"""Telling a change from noise: verdicts, the operators responsible, and history."""
