"""The built-in model as a provider: no key, no network, no cost.

`pocket` is the teacher, `pocket:student` its smaller sibling. It is a tiny model for demonstrations
and tests: it knows the families of tasks it was trained on and answers anything else with nonsense.
If the first prompts of a run are very unlikely under the model, it warns once.

Draw d of a request is the same text in every run: without a `seed` of its own, a request has seed
0. Other defaults: temperature 1, no truncation, as many tokens as fit the context.
A schema is ignored, with one notice: the model hardly ever writes JSON. Tools, images and sound are
refused.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from understudy.errors import Rejected, Unavailable
from understudy.pocket.models import FOLDER, LoadedModel, load
from understudy.pocket.sampling import sampling_params
from understudy.pocket.scheduler import Scheduler, generate
from understudy.pocket.sequence import Job, RequestOutput
from understudy.providers.negotiate import Features
from understudy.providers.table import Target
from understudy.types import Reply, Request, Token, Usage, WireCall

MEASURED = 64
"""How many prompts of a run have their likelihood measured."""
_FEW = 4
"""With fewer prompts than this the warning waits for the end: one odd prompt is no odd run."""


def connect(target: Target) -> "Pocket":
    """The built-in model of a target's name."""
    return Pocket(target.model, notice=target.notice)


class Pocket:
    """A built-in model. Its weights are read and its thread starts with the first call."""

    def __init__(
        self,
        name: str = "pocket",
        *,
        folder: Path = FOLDER,
        notice: Callable[[str], None] = lambda text: None,
    ) -> None:
        """`notice` is called once for each thing the model ignores, and once if the prompts are
        unlike its training data."""
        self.features = Features(schema="ignored")
        self._name = name
        self._folder = folder
        self._notice = notice
        self._notices: set[str] = set()
        self._loaded: LoadedModel | None = None
        self._scheduler: Scheduler | None = None
        self._closed = False
        self._prompt_nlls: list[float] = []
        self._measuring = 0

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
        measure = self._threshold is not None and self._measuring < MEASURED and not request.prompt
        self._measuring += measure
        sampling = request.sampling
        job = Job(
            ids=ids,
            n=call.n,
            draws=tuple(c.draw for c in call.calls),
            seed=sampling.seed or 0,
            params=sampling_params(sampling, model.decoder.shape.vocabulary),
            most=sampling.max_tokens,
            stop=sampling.stop,
            logprobs=request.logprobs,
            score=request.echo,
            measure_nll=measure,
        )
        result = await generate(scheduler, job)
        if result.prompt_nll is not None:
            self._check_fit(result.prompt_nll)
        return self._replies(request, ids, result)

    async def close(self) -> None:
        """End the thread. Running calls are not answered."""
        self._closed = True
        if self._prompt_nlls:
            self._warn()
        if self._scheduler is not None:
            scheduler, self._scheduler = self._scheduler, None
            await asyncio.to_thread(scheduler.close)

    def _open(self) -> tuple[LoadedModel, Scheduler]:
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
            self._say(f"{self._name} ignores the JSON Schema of a request.")
        if request.extra:
            names = ", ".join(sorted(request.extra))
            self._say(f"{self._name} has no settings of its own and ignores `extra`: {names}.")

    def _read(self, request: Request, model: LoadedModel) -> list[int]:
        if request.prompt:
            return model.tokenizer.encode(request.prompt)
        return model.tokenizer.chat((message.role, message.text) for message in request.messages)

    def _replies(self, request: Request, ids: Sequence[int], result: RequestOutput) -> list[Reply]:
        prompt: tuple[Token, ...] = (result.prompt or ()) if request.echo else ()
        before = request.prompt if request.echo else ""
        usage = Usage(
            tokens_in=len(ids),
            tokens_out=sum(reply.tokens_out for reply in result.replies),
            cached=result.cached,
        )
        return [
            Reply(
                text=before + output.text,
                stop=output.stop,
                logprobs=None if output.tokens is None else (*prompt, *output.tokens),
                usage=Usage() if i else usage,
                model=self._name,
            )
            for i, output in enumerate(result.replies)
        ]

    @property
    def _threshold(self) -> float | None:
        card = self._loaded.card if self._loaded else {}
        value = card.get("prompt_nll_threshold")
        return float(value) if isinstance(value, int | float) else None

    def _check_fit(self, prompt_nll: float) -> None:
        self._prompt_nlls.append(prompt_nll)
        if len(self._prompt_nlls) >= _FEW:
            self._warn()

    def _warn(self) -> None:
        mean, most = sum(self._prompt_nlls) / len(self._prompt_nlls), self._threshold
        if most is not None and mean > most:
            self._say(
                f"{self._name} is a tiny demonstration model that knows a few families of tasks, and "
                f"the prompts of this run are unlike any of them ({mean:.1f} nats per token; within "
                f"its training, below {most:.1f}): expect nonsense. A real model is one setting away: "
                "models.teacher=openai:NAME@http://HOST/v1.",
                once="strange",
            )

    def _say(self, text: str, once: str = "") -> None:
        if (key := once or text) not in self._notices:
            self._notices.add(key)
            self._notice(text)
