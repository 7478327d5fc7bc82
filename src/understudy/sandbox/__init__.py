"""Run code that a model wrote, with its tests, where it can do no harm.

`protocol.py` has the nouns and `worker_pool.py` the workers. A worker (`worker.py`) is a fork server
(`forkserver.py`): it isolates itself, then forks once per program. Each kind of isolation is one file.
This package imports nothing when it is imported, because a worker that forks must stay small.
"""
