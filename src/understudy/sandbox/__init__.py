"""Run code that a model wrote, against tests, where it can do no harm.

`protocol.py` has the nouns, `handle.py` what a method holds, `pool.py` the workers. A worker is a fork
server (`zygote.py`) that isolates itself and forks once per program; each isolation is one file.
Nothing here is imported at the package's import: a worker that forks must stay small.
"""
