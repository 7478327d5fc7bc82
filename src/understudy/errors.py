"""Everything that can go wrong, in one tree: a class per reaction, not per module.

* UnderstudyError
  x ConfigError            the recipe, a flag, a seed file or a key is wrong: fix it and run again
  x RunFolderError         the run folder cannot be used: taken, unwritable, full, of another recipe
  x ProviderError          a model call failed
    + RateLimited            429: slow down; `retry_after` in seconds
    + Unavailable            5xx, timeout, broken connection, no usable reply: try again
    + Rejected               4xx: this request will never succeed
      - Unauthorized           401/403, or no credit left: no request of this run will succeed
      - ContextOverflow        the prompt does not fit the model's window
      - NotRecorded            a recording was asked for a reply that it does not hold
  x Unparsable             a reply never took the form that the method asked for
  x MethodError            the code of a method or filter is wrong: fix it and run again
  x RunStopped             the run cannot go on now, and can be resumed
    + BudgetExhausted        the next call might cross the budget
    + EndpointDown           an endpoint failed too often in a row
    + NoSandbox              no isolation works here for the programs that a model wrote
    + Interrupted            a signal asked it to stop

Only `RateLimited` and `Unavailable` are tried again, in one place (`call/retry.py`). Those two,
once the tries are used up, `Rejected` and `Unparsable` become a failure row of the task they belong
to. `Unauthorized` and `RunStopped` end the run, resumably. Any other exception of a method is a
bug: it ends the run at once as a `MethodError`, or with `on_error=row` becomes a failure row too.
"""

import difflib
from collections.abc import Iterable
from typing import cast


class UnderstudyError(Exception):
    """Base class: catch this to catch everything raised on purpose."""


class ConfigError(UnderstudyError, ValueError):
    """The recipe, a flag, a seed file or a key is wrong."""


class RunFolderError(UnderstudyError, OSError):
    """The run folder cannot be used, or can no longer be written."""


class ProviderError(UnderstudyError):
    """A model call failed."""


class RateLimited(ProviderError):
    """The endpoint answered 429. `retry_after` is its advice in seconds, if it gave any."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(ProviderError, ConnectionError):
    """The endpoint failed in a way that may pass. `retry_after` as for `RateLimited`.

    `answered` is true where the endpoint replied, only not usably: it is alive, and such a failure
    does not count towards the circuit breaker.
    """

    def __init__(
        self, message: str, retry_after: float | None = None, *, answered: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.answered = answered


class Rejected(ProviderError, ValueError):
    """The endpoint refused this request for good."""


class Unauthorized(Rejected, PermissionError):
    """The key is missing, wrong, or out of credit."""


class ContextOverflow(Rejected):
    """The prompt does not fit the model's context window."""


class NotRecorded(Rejected, LookupError):
    """A recording holds no reply for this call."""


class Unparsable(UnderstudyError, ValueError):
    """A reply never took the form that the method asked for, correction turns included."""


class MethodError(UnderstudyError):
    """The code of a method or filter raised an unexpected error, or did not return rows."""

    def __init__(self, message: str, kind: str, traceback: str) -> None:
        super().__init__(message)
        self.kind = kind
        """The class of the exception, e.g. `KeyError`."""
        self.traceback = traceback
        """From the method's own code on."""


class RunStopped(UnderstudyError):
    """The run has stopped, and the same command continues it."""


class BudgetExhausted(RunStopped):
    """The next call might cross the budget."""


class EndpointDown(RunStopped, ConnectionError):
    """An endpoint failed too often in a row."""


class NoSandbox(RunStopped):
    """No isolation works on this machine, and the user has not allowed programs to run without one."""


class Interrupted(RunStopped):
    """A signal asked the run to stop; `signal` is its number."""

    def __init__(self, message: str, signal: int) -> None:
        super().__init__(message)
        self.signal = signal


def first(error: BaseException) -> BaseException:
    """The error that a group of them is about: what others were cancelled for."""
    while isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        error = group.exceptions[0]
    return error


def nearest(name: str, names: Iterable[str]) -> str:
    """The end of an error message about an unknown name: the most similar name, or what names there
    are, at most 20."""
    names = sorted(names)
    if guess := difflib.get_close_matches(name, names, n=1, cutoff=0.5):
        return f"; did you mean {guess[0]!r}?"
    more = ", ..." if len(names) > 20 else ""
    return f"; available: {', '.join(names[:20])}{more}." if names else ". Check the name."
