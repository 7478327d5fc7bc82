"""The end of a run before all is done: why, and who is to know."""

from collections.abc import Sequence

from understudy.call.limits import Endpoint
from understudy.errors import RunStopped, Unauthorized


class Halt:
    """Once called with a reason, nothing more is started; calls under way finish and are kept."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self.reason: RunStopped | Unauthorized | None = None
        """The first reason there was."""
        self._endpoints = endpoints

    def __call__(self, reason: RunStopped | Unauthorized) -> None:
        if self.reason is not None:
            return
        self.reason = reason
        for endpoint in self._endpoints:
            endpoint.stop(reason if isinstance(reason, RunStopped) else RunStopped(str(reason)))
