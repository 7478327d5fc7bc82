"""Drawings of figures as SVG, one kind per file."""
