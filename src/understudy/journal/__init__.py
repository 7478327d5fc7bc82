"""The record of a run: every effect with its outcome, and every row, in one SQLite file."""
