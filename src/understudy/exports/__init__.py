"""Rows as files: formats, writers, the data set card."""
