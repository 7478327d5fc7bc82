"""One wire dialect per file; `connect.py` turns a model string into one of them."""
