"""Recipes that made the files shipped with the package. Not part of the package."""
