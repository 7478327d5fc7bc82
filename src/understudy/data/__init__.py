"""Seeds in: `read.py` reads tasks from files of many shapes. Also what writing shares with it: whole
files, plain values, safe Markdown and HTML, and the licences of models."""
