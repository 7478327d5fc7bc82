"""The recipe that made the built-in pocket model: data, tokenizer, training, evaluation, export.

Run it with `python -m training.pocket`; see README.md in this folder.
"""
