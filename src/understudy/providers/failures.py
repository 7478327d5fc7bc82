"""What an HTTP error means: a class per reaction, the wait that the server advises, its own words.

Shared by all wire dialects: vendors differ in wording, not in kind.
"""

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast
from urllib.parse import quote

import msgspec

from understudy.errors import (
    ContextOverflow,
    ProviderError,
    RateLimited,
    Rejected,
    Unauthorized,
    Unavailable,
)
from understudy.types import Json

WORDS = 500
"""Characters of the server's own words that a message quotes."""

_OVERFLOW = re.compile(
    r"context[_ ](length|window|size|limit)|(maximum|max|model'?s) context|max_model_len"
    r"|(prompt|input|request|conversation|messages?)( \w+)? (is|are) too (long|large for)"
    r"|(prompt|input) too long|too many (input |prompt )?tokens|too_many_tokens"
    r"|reduce the length of|input token(s| count)?\b.{0,80}\bexceed|prompt_too_long"
    r"|exceeds? the (maximum|max|model'?s)? ?(number of|allowed)? ?(input )?tokens?\b"
    r"|max(imum)? number of (input )?tokens|inputs`? ?tokens \+|token limit (reached|exceeded)"
    r"|range of input length",
    re.IGNORECASE,
)
_BAD_KEY = re.compile(
    r"api[_ -]?key.{0,20}(not valid|invalid|incorrect|missing|expired)"
    r"|(invalid|incorrect|missing|expired|no) (\w+ )?api[_ -]?key|API_KEY_INVALID",
    re.IGNORECASE,
)
_NO_CREDIT = re.compile(
    r"insufficient[_ ](quota|balance|credits?|funds)|billing_hard_limit|exceeded_current_quota"
    r"|credit balance is too low|billing_not_active|(run|ran) out of credits?|no credits? left",
    re.IGNORECASE,
)
_FLAGGED = re.compile(r"moderation|flagged|content[_ ](policy|filter)|safety", re.IGNORECASE)
_NEVER = re.compile(r"request too large.{0,300}must be reduced", re.IGNORECASE | re.DOTALL)
"""More tokens in one request than the limit grants per minute: no wait helps."""
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_ADVICE = re.compile(r"(?:try again|retry) (?:in|after) ((?:\d+(?:\.\d+)?(?:ms|[smh]) ?)+)", re.I)
_DETACHED = frozenset({408, 502, 503, 504, 520, 521, 522, 523, 524, 529, 530})
"""Sent by what stands in front of the endpoint, or by one that cannot serve now."""


def failure(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    url: str,
    model: str,
    secret: str | None = None,
    now: float | None = None,
) -> ProviderError:
    """The error that an answer other than 2xx means. `now` is the Unix time, in seconds."""
    said = scrub(words(body), secret)[:WORDS]
    message = f"{url} answered {status} for model {model!r}: {said.rstrip('.') or 'nothing'}."
    now = time.time() if now is None else now
    raw = body[:20_000].decode("utf-8", "replace")
    if status == 402 or (status in (403, 429) and _NO_CREDIT.search(raw)):
        return Unauthorized(f"{message} The account has no credit left; add some, then run again.")
    if status == 401 or (status == 403 and not _FLAGGED.search(raw)):
        return Unauthorized(f"{message} Check the key and what it may use.")
    if status == 429 and not _NEVER.search(raw):
        return RateLimited(message, retry_after(headers, raw, now))
    if status in (408, 409, 425) or (status >= 500 and status not in (501, 505)):
        answered = status not in _DETACHED
        return Unavailable(message, retry_after(headers, raw, now), answered=answered)
    if 300 <= status < 400:
        moved = scrub(headers.get("Location", ""), secret)[:WORDS]
        return Rejected(f"{message} It moved to {moved!r}; set that as base URL.")
    if status == 404:
        return Rejected(f"{message} Check the model's name and the base URL.")
    if status in (400, 413, 422) and _OVERFLOW.search(raw):
        return ContextOverflow(message)
    if status == 400 and _BAD_KEY.search(raw):
        return Unauthorized(f"{message} Check the key and what it may use.")
    return Rejected(message)


def reported(
    error: object, headers: Mapping[str, str], *, url: str, model: str, secret: str | None = None
) -> ProviderError:
    """The error that an `error` field means which came with status 200.

    Where it carries an HTTP status of its own, as gateways do, that counts; else it may pass.
    """
    body = msgspec.json.encode({"error": error})
    code = cast("Json", error).get("code") if isinstance(error, dict) else None
    if isinstance(code, str) and code.isdecimal():
        code = int(code)
    if isinstance(code, int) and 400 <= code < 600:
        return failure(code, headers, body, url=url, model=model, secret=secret)
    said = scrub(words(body), secret)[:WORDS]
    return Unavailable(f"{url} answered 200 with an error: {said}", answered=True)


def words(body: bytes) -> str:
    """What the server says, in its own words: its message, or all of a body that has no such field.

    JSON is written anew, so that an escaped key is found where it is looked for.
    """
    try:
        value: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body[:20_000].decode("utf-8", "replace").strip()
    error = cast("Json", value).get("error", value) if isinstance(value, dict) else value
    if not isinstance(error, dict):
        return error if isinstance(error, str) else msgspec.json.encode(value).decode()
    node = cast("Json", error)
    message: Any = node.get("message")
    if not isinstance(message, str) or not message:
        return msgspec.json.encode(value).decode()
    metadata: Any = node.get("metadata")
    inner = cast("Json", metadata).get("raw") if isinstance(metadata, dict) else None
    return f"{message} ({inner})" if isinstance(inner, str) else message


def scrub(text: str, secret: str | None) -> str:
    """The text without the key, should a server or a proxy echo it."""
    if not secret:
        return text
    for form in (secret, secret.replace("/", "\\/"), quote(secret, safe="")):
        text = text.replace(form, "[key]")
    return text


def retry_after(headers: Mapping[str, str], body: str, now: float) -> float | None:
    """Seconds to wait before the next try, as the server advises; None where it does not.

    The most explicit source wins: `retry-after-ms`, `Retry-After`, a delay in the body, the reset
    of a limit that is used up, the nearest reset of any limit.
    """
    waits = (
        _scaled(headers.get("retry-after-ms"), 0.001),
        _moment(headers.get("Retry-After"), now),
        _in_body(body),
        _resets(headers, now),
    )
    return next((max(wait, 0.0) for wait in waits if wait is not None), None)


def _scaled(value: str | None, unit: float) -> float | None:
    try:
        seconds = float(value or "") * unit
    except ValueError:
        return None
    return seconds if 0 <= seconds < 1e15 else None


def _moment(value: str | None, now: float) -> float | None:
    """Seconds from now to what a header names: seconds, a duration, a date, a Unix time."""
    if not value:
        return None
    value = value.strip()
    if (seconds := _scaled(value, 1.0)) is not None:
        if seconds > 1e11:
            return seconds / 1000 - now
        return seconds - now if seconds > 1e9 else seconds
    if (seconds := _duration(value)) is not None:
        return seconds
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = parse(value)
        except (ValueError, TypeError, OverflowError):
            continue
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now
    return None


def _duration(value: str) -> float | None:
    """Seconds of `6m0s`, `1.5s`, `20ms`."""
    compact = value.replace(" ", "")
    parts = _DURATION.findall(compact)
    if not parts or "".join(number + unit for number, unit in parts) != compact:
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def _in_body(body: str) -> float | None:
    if found := re.search(r'"retry_?[dD]elay"\s*:\s*"([^"]{1,32})"', body):
        return _duration(found[1])
    if found := re.search(r'"retry_after(?:_seconds)?"\s*:\s*"?(\d+(?:\.\d+)?)', body):
        return float(found[1])
    if found := _ADVICE.search(body):
        return _duration(found[1])
    return None


def _resets(headers: Mapping[str, str], now: float) -> float | None:
    resets, spent = list[float](), list[float]()
    for name, value in headers.items():
        lower = name.lower()
        if "ratelimit" not in lower or "reset" not in lower:
            continue
        wait = _moment(value, now)
        if wait is None:
            continue
        resets.append(wait)
        if headers.get(lower.replace("reset", "remaining")) in ("0", "0.0"):
            spent.append(wait)
    return max(spent) if spent else min(resets, default=None)
