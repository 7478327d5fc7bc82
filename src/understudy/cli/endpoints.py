"""Commands about endpoints: `doctor` checks one, `serve` is one."""

import asyncio
from typing import Annotated

import typer

from understudy.cli.command import guard, say


@guard
def doctor(
    model: Annotated[
        str,
        typer.Argument(
            help="e.g. openai:qwen3-8b@http://localhost:8000/v1; by default this machine."
        ),
    ] = "",
    key_env: Annotated[str, typer.Option(help="The environment variable with the key.")] = "",
) -> int:
    """Check what an endpoint really supports.

    Whether it answers, takes the key, and which features work. Without a model: what this machine can
    do."""
    from understudy.runs.doctor import examine

    report = asyncio.run(examine(model, key_env))
    print(report.text)
    return 0 if report.well else 1


@guard
def serve(
    model: Annotated[str, typer.Argument(help="pocket or pocket:student.")] = "pocket",
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="The port to listen on; 0 takes any free one.", min=0, max=65535)
    ] = 8000,
    public: Annotated[
        bool,
        typer.Option(
            "--public", help="Allow a host that other machines can reach; no key is needed."
        ),
    ] = False,
) -> None:
    """Serve a built-in model in OpenAI's dialect.

    Until Ctrl-C. Without --public only this machine can reach it."""
    from understudy.pocket.models import HONESTY, load
    from understudy.pocket.serve import serve as serving

    def ready(url: str) -> None:
        say(HONESTY)
        if public:
            say(f"understudy: anyone who can reach {url} can use it without a key.")
        print(f"{model} at {url}; as a model string: openai:{model}@{url}", flush=True)

    asyncio.run(serving(model, load(model), host=host, port=port, public=public, ready=ready))
