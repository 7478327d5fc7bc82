"""One run: its recipe, its seeds, its steps, its folder."""
