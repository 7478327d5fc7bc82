"""What an HTTP error means: a class per reaction, the wait that the server advises, its own words.

Shared by all wire dialects: vendors differ in wording, not in kind.
"""

import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import escape
from typing import Any, cast
from urllib.parse import quote as percent

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

QUOTED = 500
"""Most characters of the server's text that a message quotes."""
LONGEST_WAIT = 86_400.0
"""Seconds that are waited at most, whatever a server advises: a day, as for daily quotas."""

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
_LONGEST_TIME = 64
"""Characters of a header that names a time. A longer one is nonsense, and slow to read."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Control characters, which could steer a terminal."""
_DETACHED = frozenset({408, 502, 503, 504, 520, 521, 522, 523, 524, 529, 530})
"""Sent by what stands in front of the endpoint, or by an endpoint that cannot serve now."""


def classify(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    url: str,
    model: str,
    secrets: Sequence[str] = (),
    now: float | None = None,
) -> ProviderError:
    """The error that an answer other than 2xx means. `now` is the Unix time, in seconds."""
    message = quote(read_message(body), secrets).rstrip(".") or "nothing"
    message = f"{url} answered {status} for model {model!r}: {message}."
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
        target = quote(headers.get("Location", ""), secrets)
        return Rejected(f"{message} It moved to {target!r}; set that as base URL.")
    if status == 404:
        return Rejected(f"{message} Check the model's name and the base URL.")
    if status in (400, 413, 422) and _OVERFLOW.search(raw):
        return ContextOverflow(message)
    if status == 400 and _BAD_KEY.search(raw):
        return Unauthorized(f"{message} Check the key and what it may use.")
    return Rejected(message)


def classify_field(
    error: object,
    headers: Mapping[str, str],
    *,
    url: str,
    model: str,
    secrets: Sequence[str] = (),
) -> ProviderError:
    """The error that an `error` field means in an answer of status 200.

    Where it carries an HTTP status of its own, as gateways do, that status counts. Else it may pass.
    """
    try:
        body = msgspec.json.encode({"error": error})
    except RecursionError:
        body = b""
    code = cast("Json", error).get("code") if isinstance(error, dict) else None
    if isinstance(code, str) and re.fullmatch(r"\d{3}", code, re.ASCII):
        code = int(code)
    if isinstance(code, int) and 400 <= code < 600:
        return classify(code, headers, body, url=url, model=model, secrets=secrets)
    message = quote(read_message(body), secrets)
    return Unavailable(f"{url} answered 200 with an error: {message}", answered=True)


def read_message(body: bytes) -> str:
    """What the server says: its message, or the whole body where there is no such field.

    JSON is encoded again, so that an escaped key is found too.
    """
    try:
        value: object = msgspec.json.decode(body)
        error = cast("Json", value).get("error", value) if isinstance(value, dict) else value
        if isinstance(error, str):
            return error
        message: Any = cast("Json", error).get("message") if isinstance(error, dict) else None
        if not isinstance(message, str) or not message:
            return msgspec.json.encode(value).decode()
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return body.decode("utf-8", "replace").strip()
    metadata: Any = cast("Json", error).get("metadata")
    inner = cast("Json", metadata).get("raw") if isinstance(metadata, dict) else None
    return f"{message} ({inner})" if isinstance(inner, str) else message


def quote(text: str, secrets: Sequence[str] = ()) -> str:
    """A server's words, fit for a message: without the keys, should a server or a proxy echo them,
    without control characters, and at most `QUOTED` characters of it."""
    for secret in secrets:
        for form in {secret, secret.replace("/", "\\/"), escape(secret), percent(secret, safe="")}:
            text = text.replace(form, "[key]")
    return _CONTROL.sub(" ", text[:QUOTED])


def retry_after(headers: Mapping[str, str], body: str, now: float) -> float | None:
    """Seconds to wait before the next try, as the server advises; None where it does not.

    The most explicit source wins: `retry-after-ms`, `Retry-After`, a delay in the body, the reset
    of a limit that is used up, the nearest reset of any limit.
    """
    waits = (
        _scale(headers.get("retry-after-ms"), 0.001),
        _read_time(headers.get("Retry-After"), now),
        _search_body(body),
        _read_resets(headers, now),
    )
    wait = next((wait for wait in waits if wait is not None), None)
    return None if wait is None else min(max(wait, 0.0), LONGEST_WAIT)


def _scale(value: str | None, unit: float) -> float | None:
    try:
        seconds = float(value or "") * unit
    except ValueError:
        return None
    return seconds if 0 <= seconds < 1e15 else None


def _read_time(value: str | None, now: float) -> float | None:
    """Seconds from now to what a header names: seconds, a duration, a date, a Unix time."""
    if not value or len(value) > _LONGEST_TIME:
        return None
    value = value.strip()
    if (seconds := _scale(value, 1.0)) is not None:
        if seconds > 1e11:
            return seconds / 1000 - now
        return seconds - now if seconds > 1e9 else seconds
    if (seconds := _read_duration(value)) is not None:
        return seconds
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = parse(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now
        except (ValueError, TypeError, OverflowError):
            continue
    return None


def _read_duration(value: str) -> float | None:
    """Seconds of `6m0s`, `1.5s`, `20ms`."""
    compact = value.replace(" ", "")
    parts = _DURATION.findall(compact)
    if not parts or "".join(number + unit for number, unit in parts) != compact:
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def _search_body(body: str) -> float | None:
    if match := re.search(r'"retry_?[dD]elay"\s*:\s*"([^"]{1,32})"', body):
        return _read_duration(match[1])
    if match := re.search(r'"retry_after(?:_seconds)?"\s*:\s*"?(\d+(?:\.\d+)?)', body):
        return float(match[1])
    if match := _ADVICE.search(body):
        return _read_duration(match[1])
    return None


def _read_resets(headers: Mapping[str, str], now: float) -> float | None:
    resets, exhausted = list[float](), list[float]()
    for name, value in headers.items():
        lower = name.lower()
        if "ratelimit" not in lower or "reset" not in lower:
            continue
        wait = _read_time(value, now)
        if wait is None:
            continue
        resets.append(wait)
        if headers.get(lower.replace("reset", "remaining")) in ("0", "0.0"):
            exhausted.append(wait)
    return max(exhausted) if exhausted else min(resets, default=None)
