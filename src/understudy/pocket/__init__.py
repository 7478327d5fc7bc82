"""The built-in model: a tiny language model in NumPy, for demonstrations and tests.

It was trained from scratch on text that `training/pocket` generates, knows those few families of
tasks and nothing else, and is served like any other model: in the process as `pocket` and
`pocket:student`, to others by `understudy serve`.

    tokenizer.py   text to token ids and back
    weights.py     the files in `weights/`
    decoder.py     the network: a Llama, batched, with cached keys and values (cache.py)
    sampling.py    from logits to the next token
    sequence.py    a request, and one sequence being generated: its text, its stop strings
    scheduler.py   the loop that writes many replies at once, in a thread of its own (threads.py)
    models.py      which models there are, and what each says of itself
    dialect.py     OpenAI's dialect, seen from the server's side
    serve.py       the server
"""
