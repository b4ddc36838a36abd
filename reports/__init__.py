"""Runs in, tables and pages out."""
