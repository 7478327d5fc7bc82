"""The built-in model as a provider: no key, no network, no cost.

`pocket` is the teacher, `pocket:student` its smaller sibling. It is a tiny model for demonstrations
and tests: it knows the families of tasks it was trained on and answers anything else with nonsense.
Where the first prompts of a run lie far outside of those, by the model's own likelihood of them, it
says so once.

Draw d of a request is the same text in every run: without a `seed` of its own, a request has seed
0. What is unset otherwise: temperature 1, nothing truncated, and as many tokens as the context holds.
A schema is passed over (said once): what the model writes for it is hardly ever JSON. Tools, images and
sound are refused.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from understudy.errors import Rejected, Unavailable
from understudy.pocket.draft import Job, Result
from understudy.pocket.models import FOLDER, Loaded, load
from understudy.pocket.sampling import rule
from understudy.pocket.scheduler import Scheduler, answered
from understudy.providers.features import Features
from understudy.types import Reply, Request, Token, Usage, WireCall

JUDGED = 64
"""Prompts of a run whose likelihood is looked at."""
_FEW = 4
"""Fewer prompts than this are judged only when the run is over: one odd prompt is no odd run."""


class Pocket:
    """A built-in model. Its weights are read and its thread starts with the first call."""

    def __init__(
        self,
        name: str = "pocket",
        *,
        folder: Path = FOLDER,
        notice: Callable[[str], None] = lambda text: None,
    ) -> None:
        """`notice` is told, once each, what the model passes over and that prompts are strange."""
        self.features = Features(schema="ignored")
        self._name = name
        self._folder = folder
        self._notice = notice
        self._said: set[str] = set()
        self._loaded: Loaded | None = None
        self._scheduler: Scheduler | None = None
        self._closed = False
        self._surprises: list[float] = []
        self._judging = 0

    async def __call__(self, call: WireCall, /) -> Sequence[Reply]:
        """`call.n` replies.

        Raises:
            Rejected: the request needs what the model does not have, or a setting is out of bounds.
            ContextOverflow: the prompt leaves no room for a reply.
        """
        request = call.request
        self._refuse(request)
        model, scheduler = self._open()
        ids = self._read(request, model)
        judge = self._threshold is not None and self._judging < JUDGED and not request.prompt
        self._judging += judge
        sampling = request.sampling
        job = Job(
            ids=ids,
            n=call.n,
            draws=tuple(c.draw for c in call.calls),
            seed=sampling.seed or 0,
            rule=rule(sampling, model.decoder.shape.vocabulary),
            most=sampling.max_tokens,
            stop=sampling.stop,
            logprobs=request.logprobs,
            score=request.echo,
            judge=judge,
        )
        result = await answered(scheduler, job)
        if result.surprise is not None:
            self._judge(result.surprise)
        return self._replies(request, ids, result)

    async def close(self) -> None:
        """End the thread; calls under way are not answered."""
        self._closed = True
        if self._surprises:
            self._warn()
        if self._scheduler is not None:
            scheduler, self._scheduler = self._scheduler, None
            await asyncio.to_thread(scheduler.close)

    def _open(self) -> tuple[Loaded, Scheduler]:
        if self._closed:
            raise Unavailable(f"{self._name} is closed")
        if self._loaded is None:
            self._loaded = load(self._name, self._folder)
        if self._scheduler is None:
            self._scheduler = Scheduler(self._loaded.decoder, self._loaded.tokenizer)
        return self._loaded, self._scheduler

    def _refuse(self, request: Request) -> None:
        missing = ""
        if request.tools or any(m.tool_calls or m.role == "tool" for m in request.messages):
            missing = "tools"
        elif any(message.media for message in request.messages):
            missing = "images or sound"
        if missing:
            raise Rejected(
                f"{self._name}, the built-in model, knows no {missing}: name another model, e.g. "
                "models.teacher=openai:gpt-5-mini."
            )
        if request.schema is not None:
            self._say(f"{self._name} passes over the JSON Schema of a request.")
        if request.extra:
            names = ", ".join(sorted(request.extra))
            self._say(f"{self._name} has no settings of its own, and passes over `extra`: {names}.")

    def _read(self, request: Request, model: Loaded) -> list[int]:
        if request.prompt:
            return model.tokenizer.encode(request.prompt)
        return model.tokenizer.chat((message.role, message.text) for message in request.messages)

    def _replies(self, request: Request, ids: Sequence[int], result: Result) -> list[Reply]:
        prompt: tuple[Token, ...] = (result.prompt or ()) if request.echo else ()
        before = request.prompt if request.echo else ""
        usage = Usage(
            tokens_in=len(ids),
            tokens_out=sum(reply.drawn for reply in result.replies),
            cached=result.cached,
        )
        return [
            Reply(
                text=before + written.text,
                stop=written.stop,
                logprobs=None if written.tokens is None else (*prompt, *written.tokens),
                usage=Usage() if i else usage,
                model=self._name,
            )
            for i, written in enumerate(result.replies)
        ]

    @property
    def _threshold(self) -> float | None:
        card = self._loaded.card if self._loaded else {}
        value = card.get("prompt_nll_threshold")
        return float(value) if isinstance(value, int | float) else None

    def _judge(self, surprise: float) -> None:
        self._surprises.append(surprise)
        if len(self._surprises) >= _FEW:
            self._warn()

    def _warn(self) -> None:
        mean, most = sum(self._surprises) / len(self._surprises), self._threshold
        if most is not None and mean > most:
            self._say(
                f"{self._name} is a tiny demonstration model that knows a few families of tasks, and "
                f"the prompts of this run are unlike any of them ({mean:.1f} nats per token; within "
                f"its training, below {most:.1f}): expect nonsense. A real model is one setting away: "
                "models.teacher=openai:NAME@http://HOST/v1.",
                once="strange",
            )

    def _say(self, text: str, once: str = "") -> None:
        if (key := once or text) not in self._said:
            self._said.add(key)
            self._notice(text)
