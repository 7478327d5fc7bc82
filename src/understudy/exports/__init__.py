"""Rows out: formats, writers, and all files that are made from a run's journal."""
