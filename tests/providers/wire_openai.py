"""OpenAI's dialect, for the contract."""

from typing import Any

from tests.providers.contract import Wire

FINISH = {"end": "stop", "length": "length", "filtered": "content_filter"}


def reply(texts: list[str], stop: str, usage: Any) -> Any:
    choices = [
        {"index": i, "finish_reason": FINISH[stop], "message": {"role": "assistant", "content": t}}
        for i, t in enumerate(texts)
    ]
    return {"model": "m-1", "choices": choices, "usage": usage}


def usage(tokens_in: Any, tokens_out: Any) -> Any:
    return {"prompt_tokens": tokens_in, "completion_tokens": tokens_out}


def error(message: str) -> Any:
    return {"error": {"message": message, "type": "invalid_request_error"}}


WIRE = Wire(reply=reply, usage=usage, error=error)
