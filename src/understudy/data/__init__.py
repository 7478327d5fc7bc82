"""What goes in and what comes out: seeds read from files, examples written to files, and the card
that goes with them. `read.py` is the way in, `write.py` and `card.py` the way out."""
