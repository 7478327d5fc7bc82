# What CI runs, in the order of what fails fastest.
default: check

check: lint types test

lint:
    uv run --extra dev ruff format --check .
    uv run --extra dev ruff check .

types:
    uv run --extra dev pyright

test *args:
    uv run --extra dev pytest {{args}}

# Under a minute: all but the tests in processes of their own.
quick *args:
    uv run --extra dev pytest -m quick {{args}}

fix:
    uv run --extra dev ruff check --fix .
    uv run --extra dev ruff format .

# The figures of docs/performance.md, on this machine.
bench:
    uv run --extra dev python benchmarks/journal.py
    uv run --extra dev python benchmarks/throughput.py
    uv run --extra dev python benchmarks/memory.py
    uv run --extra dev python benchmarks/startup.py

# The tables and help texts in README.md and docs/, from the code.
docs:
    uv run --extra dev python -m docs.generate
