"""What an endpoint turned out to honour. Replies teach it; nobody has to configure it."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Support: TypeAlias = Literal["native", "ignored", "refused"]
"""Asked for and given; asked for and passed over in silence; answered with an error."""


@dataclass(slots=True)
class Features:
    """Mutable: its provider notes here what the endpoint lacks, the layers above read it.

    It starts hopeful, and is only ever lowered. It speaks of one model behind one endpoint.
    """

    n: bool = True
    """Several draws come from one request. Where not, a request brings one reply."""
    logprobs: Support = "native"
    """Where refused they are no longer asked for, and replies come without them."""
    schema: Support = "native"
    """Where ignored the schema is sent in the messages too, where refused in the messages alone."""
    max_completion_tokens: bool = False
    """`max_tokens` goes by its newer name."""
    stop: Support = "native"
    """Where ignored, stop strings were left in a text; they are cut off on this side, always."""
    family: Literal["", "llama.cpp"] = ""
    """The software behind the endpoint, where that changes what must be sent."""

    def copy(self) -> "Features":
        """The same, now; `dataclasses.replace` takes five times as long, and every call pays it."""
        return Features(
            self.n, self.logprobs, self.schema, self.max_completion_tokens, self.stop, self.family
        )
