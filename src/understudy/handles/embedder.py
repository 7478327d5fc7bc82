"""Texts as vectors: the handle, and what stands between it and an endpoint.

One effect per distinct text, found by its content: a text that was embedded once in a task is not
embedded again when the run is resumed. Texts that are asked for at the same moment share a request.
"""

import asyncio
import zlib
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import msgspec

from understudy.call.budget import Budget, Price, spend
from understudy.call.limits import Endpoint, limited
from understudy.call.model import gather
from understudy.call.replay import question, replay
from understudy.call.retry import retried
from understudy.call.scope import nest
from understudy.call.stack import Tally
from understudy.call.together import Together
from understudy.errors import Rejected
from understudy.journal.effect import Effect, Journal, Stored
from understudy.journal.keys import plain
from understudy.types import FREE, Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# numpy takes a tenth of a second to import, and most runs embed nothing: it is imported where a
# vector is made.
Vector: TypeAlias = "NDArray[np.float32]"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(str).decode

MOST_TEXTS = 256
"""Texts in one request."""
MOST_CHARACTERS = 200_000
"""Characters of all texts in one request, and of any one text."""


class Embedding(NamedTuple):
    """One text's vector."""

    vector: Vector
    usage: Usage | None = None
    """Billed tokens. Of the texts of one request, the first carries them all."""


Embed: TypeAlias = Callable[[Sequence[str]], Awaitable[Sequence[Embedding]]]
"""From texts to one embedding each, in their order."""


class Backend(NamedTuple):
    """What answers for the embedder of a run."""

    name: str
    """Who answers, e.g. `text-embedding-3-small`: part of every key."""
    embed: Callable[[str], Awaitable[Embedding]]
    """One text, put together with others by what stands below."""
    endpoint: str = ""
    revision: str = ""
    price: Price | None = None


@dataclass(frozen=True, slots=True)
class Embedder:
    """The handle that a method embeds texts with."""

    backend: Backend
    journal: Journal | None = field(default=None, repr=False)
    tally: Tally = field(default_factory=Tally, repr=False)
    step: str = ""
    task: str = ""
    scope: str = ""
    role: str = "embedder"

    def at(self, step: str, task: str, role: str = "embedder") -> "Embedder":
        """The same embedder for another unit of work."""
        return Embedder(self.backend, self.journal, self.tally, step, task, "", role)

    def within(self, scope: str) -> "Embedder":
        """The same embedder for one of several workers inside the task; see `Model.within`."""
        return replace(self, scope=nest(self.scope, scope))

    async def embed(self, texts: Sequence[str]) -> Vector:
        """The vectors of the texts as rows, in float32; no rows for no texts.

        Raises:
            Rejected: a text is too long, or the endpoint refuses it.
        """
        import numpy as np

        distinct = list(dict.fromkeys(texts))
        vectors = dict(zip(distinct, await gather(map(self._embed, distinct)), strict=True))
        if not vectors:
            return np.zeros((0, 0), dtype=np.float32)
        return np.stack([vectors[text] for text in texts])

    async def _embed(self, text: str) -> Vector:
        if len(text) > MOST_CHARACTERS:
            raise Rejected(
                f"{self.role}: expected a text of at most {MOST_CHARACTERS:,} characters, found "
                f"{len(text):,}. Embed its parts."
            )
        name, _, endpoint, revision, _ = self.backend
        effect = question(
            "embedding", plain(_encode(text)), step=self.step, task=self.task, scope=self.scope,
            role=self.role, model=name, endpoint=endpoint, revision=revision, usage=Usage(),
        )  # fmt: skip
        return await replay(self.journal, effect, partial(self._ask, text), self._read)

    async def _ask(self, text: str, effect: Effect) -> tuple[Effect, Vector]:
        vector, billed = await self.backend.embed(text)
        usage, sent, price = billed or Usage(), billed is not FREE, self.backend.price
        cost = price.of(usage) if price and billed is not None else None
        tally = self.tally
        tally.embedded += 1
        tally.sent += sent
        tally.tokens_in += usage.tokens_in
        tally.cost += cost or 0.0
        tally.unpriced += sent and cost is None
        reply = pack_vector(vector)
        cost = cost if sent else 0.0
        return effect._replace(reply=reply, usage=usage, cost=cost, sent=sent), vector

    def _read(self, stored: Stored) -> Vector:
        self.tally.replayed += 1
        return unpack_vector(stored.reply)


def make_embedding(numbers: Sequence[float], usage: Usage | None) -> Embedding:
    """An embedding of plain numbers."""
    import numpy as np

    return Embedding(np.array(numbers, dtype=np.float32), usage)


def pack_vector(vector: Vector) -> bytes:
    """A vector as JSON: its float32 bytes, little-endian, compressed, in base64."""
    return _encode(b64encode(zlib.compress(vector.astype("<f4").tobytes(), 1)).decode())


def unpack_vector(reply: bytes) -> Vector:
    """The vector that was packed."""
    import numpy as np

    return np.frombuffer(zlib.decompress(b64decode(_decode(reply))), dtype="<f4").astype(np.float32)


def assemble_embedder(
    embed: Embed, endpoint: Endpoint, budget: Budget, price: Price | None, *, attempts: int = 8
) -> Callable[[str], Awaitable[Embedding]]:
    """What an endpoint's embeddings pass: the budget, then requests of many texts, tried again and
    limited like a model's calls."""
    wire = retried(limited(embed, endpoint), endpoint, attempts=attempts, sleep=endpoint.rest)
    together = put_together(wire)

    async def pay(text: str) -> Embedding:
        bound = len(text.encode("utf-8", "replace")) / 2 * price.input / 1e6 if price else 0.0

        def cost(embedding: Embedding) -> float:
            return price.of(embedding.usage) if price and embedding.usage else 0.0

        return await spend(budget, bound, partial(together, text), cost)

    return pay


def put_together(embed: Embed) -> Callable[[str], Awaitable[Embedding]]:
    """One text at a time, from what embeds many at once. A text that is refused fails alone."""

    async def send(texts: Sequence[str]) -> Sequence[Embedding]:
        embeddings = list(await embed(texts))
        usages = [e.usage for e in embeddings if e.usage is not None]
        total = sum(usages, Usage()) if usages else None
        return [Embedding(e.vector, FREE if i else total) for i, e in enumerate(embeddings)]

    def fits(texts: Sequence[str], text: str) -> bool:
        return len(texts) < MOST_TEXTS and sum(map(len, texts)) + len(text) <= MOST_CHARACTERS

    return Together[str, Embedding](send, lambda _: b"", fits, lambda _: True).ask


async def embed_off_loop(embed: Callable[[str], Vector], texts: Sequence[str]) -> list[Embedding]:
    """Run a function that computes embeddings in a thread, so that the event loop stays free."""
    vectors = await asyncio.to_thread(lambda: [embed(text) for text in texts])
    return [Embedding(vector, Usage()) for vector in vectors]
