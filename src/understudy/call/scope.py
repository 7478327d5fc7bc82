"""The names of workers inside a task: `agent 7`, and within it `memory`: `agent 7/memory`."""


def nest(outer: str, inner: str) -> str:
    """The name of a scope inside another."""
    if not inner:
        raise ValueError("expected the name of a worker, e.g. 'agent 7', found an empty string.")
    inner = inner.replace("%", "%25").replace("/", "%2F")
    return f"{outer}/{inner}" if outer else inner
