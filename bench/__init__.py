"""Trials in, numbers you may believe out: metrics, statistics, runs, the command line."""
