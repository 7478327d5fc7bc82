"""The record of a run: what was asked and what came of it, in one SQLite file."""
