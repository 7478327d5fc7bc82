"""The nouns: what goes into a model, what comes out, what a method takes and returns."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias, cast

import msgspec

from understudy.values import Audio, Image, Json, Part, Text, Value
from understudy.values import Settings as Settings

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]


class ToolCall(Value, frozen=True):
    """A model's wish to have a tool called. `arguments` is the JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str = ""


class Message(Value, frozen=True):
    """One turn of a conversation."""

    role: Role
    content: str | tuple[Part, ...] = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""

    @property
    def text(self) -> str:
        """The text of all text parts."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content if isinstance(part, Text))

    @property
    def media(self) -> tuple[Image | Audio, ...]:
        if isinstance(self.content, str):
            return ()
        return tuple(part for part in self.content if not isinstance(part, Text))


def system(text: str) -> Message:
    return Message("system", text)


def user(text: str, *parts: Part) -> Message:
    """A user's turn: the parts, then the text."""
    return Message("user", (*parts, Text(text)) if parts else text)


def assistant(text: str) -> Message:
    return Message("assistant", text)


class Sampling(Value, frozen=True, kw_only=True):
    """How to draw. What is unset is the endpoint's choice and stays out of request and key."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    max_tokens: int | None = None
    """Bound on the tokens of the reply, hidden reasoning included where the endpoint counts so."""
    stop: tuple[str, ...] = ()
    """The reply ends before the first of these; it is not part of the text."""
    seed: int | None = None
    """Draw d of an identical request is sent as seed + d, so that draws differ."""
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    repetition_penalty: float | None = None
    logit_bias: dict[str, float] = {}

    def over(self, other: "Sampling") -> "Sampling":
        """These settings, and `other`'s where these are unset."""
        if self == _UNSET:
            return other
        if other == _UNSET:
            return self
        merged = cast("Json", msgspec.to_builtins(other)) | cast("Json", msgspec.to_builtins(self))
        return msgspec.convert(merged, Sampling)


_UNSET = Sampling()


class Request(Value, frozen=True, kw_only=True):
    """What is asked of a model. A default always means 'not sent'."""

    model: str
    """The name that the endpoint knows, e.g. `gpt-5-mini`."""
    endpoint: str = ""
    """Who answers: the provider's name and its base URL; part of the journal's key."""
    revision: str = ""
    """Which weights answer under that name: a retrained student is another model. Part
    of the journal's key, never sent."""
    messages: tuple[Message, ...] = ()
    prompt: str = ""
    """Raw text to continue (legacy completions), instead of `messages`."""
    echo: bool = False
    """With `prompt`: have the prompt's own tokens scored and returned before the reply's."""
    sampling: Sampling = Sampling()
    logprobs: int | None = None
    """Request the log-probability of each token, and of this many alternatives (0-20)."""
    schema: Json | None = None
    """JSON Schema that the reply's text must satisfy."""
    tools: tuple[Json, ...] = ()
    """Passed through as they are."""
    extra: Json = {}
    """Further fields of the endpoint's own dialect, passed through as they are."""


Stop: TypeAlias = Literal["end", "length", "filtered", "tool", "unknown"]
"""Why a reply ended: by itself or at a stop string; at `max_tokens`; by the endpoint's content
filter; to have a tool called; or for a reason that the endpoint did not give."""


class Usage(Value, frozen=True, kw_only=True):
    """Billed tokens. Where one wire call brought several replies, the first carries them all."""

    tokens_in: int = 0
    tokens_out: int = 0
    """Reasoning included."""
    cached: int = 0
    """Those of `tokens_in` that the endpoint had cached."""
    reasoning: int = 0
    """Those of `tokens_out` that were hidden reasoning."""

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            tokens_in=self.tokens_in + other.tokens_in,
            tokens_out=self.tokens_out + other.tokens_out,
            cached=self.cached + other.cached,
            reasoning=self.reasoning + other.reasoning,
        )


FREE = Usage()
"""The usage of a draw that came in another draw's wire call: this object, not its equals."""


class Token(Value, frozen=True):
    """One token of a reply and its natural-log probability; `top` holds the likeliest ones."""

    text: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


class Reply(Value, frozen=True):
    """One answer of a model."""

    text: str = ""
    """The reply's text, without any reasoning trace."""
    reasoning: str = ""
    """The reasoning trace, if the endpoint returns one."""
    stop: Stop = "end"
    refusal: str = ""
    """The endpoint's message if it declined to answer."""
    logprobs: tuple[Token, ...] | None = None
    """None where the endpoint gave none."""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage | None = None
    """None where the endpoint counted nothing; `FREE` for the later replies of one wire call."""
    model: str = ""
    """The model's name as the endpoint reports it."""
    media: tuple[Image | Audio, ...] = ()
    """Pictures and sound that came with the text."""

    @property
    def logprob(self) -> float | None:
        """Sum over all tokens of their log-probability; None where the endpoint gave none."""
        return None if self.logprobs is None else sum(token.logprob for token in self.logprobs)


class Turn(NamedTuple):
    """One message of a conversation, after those before it."""

    hash: bytes
    """16 bytes, of the turn before and of the message: of the whole conversation up to here."""
    message: Message
    """Pictures and sound by digest."""
    body: bytes
    """The message as JSON."""


class Canonical(NamedTuple):
    """A request without its recipient, in the form that is hashed, stored and measured."""

    hash: bytes
    """16 bytes, of head and turns."""
    head: bytes
    """JSON of all but the messages: unset fields left out, so that a new field orphans no journal."""
    turns: tuple[Turn, ...] = ()
    size: int = 0
    """Bytes of the whole as JSON, pictures and sound by digest: at least one for two tokens."""


class Form(NamedTuple):
    """A request and its canonical form."""

    request: "Request"
    canonical: Canonical


class Call(Value, frozen=True, kw_only=True):
    """One draw of one request, named by who asks, for what, and how often it was asked before."""

    step: str = ""
    """Label of the step that asks: the method's name unless the recipe sets another."""
    task: str = ""
    """Id of the task it is asked for; empty for a step over the whole pool."""
    scope: str = ""
    """The worker inside the task that asks, e.g. `agent 7`; empty where there is one."""
    role: str = "model"
    """The method's parameter that the model is bound to, e.g. `critic`."""
    draw: int = 0
    """0 for the first identical request of this role in this scope, then 1, 2, ..."""
    request: Request
    form: Form | None = None
    """Its canonical form, made by the handle that asks; not part of what the call is."""


Generate: TypeAlias = Callable[[Call], Awaitable[Reply]]
"""The one seam below the methods: every layer takes one and is one."""

Layer: TypeAlias = Callable[[Generate], Generate]
"""What stands around a model: it takes a `Generate` and returns one."""


class WireCall(Value, frozen=True):
    """Draws of one request that go out together: what a provider is asked."""

    calls: tuple[Call, ...]
    """At least one. Their requests are equal; they may be of different tasks and roles, unless the
    request has a seed: then they are consecutive draws of one scope."""

    @classmethod
    def of(cls, call: Call, n: int = 1) -> "WireCall":
        """`n` consecutive draws, the first of which is `call`."""
        draws = range(call.draw, call.draw + n)
        return cls(tuple(msgspec.structs.replace(call, draw=draw) for draw in draws))

    @property
    def request(self) -> Request:
        return self.calls[0].request

    @property
    def draw(self) -> int:
        """The number of the first draw."""
        return self.calls[0].draw

    @property
    def n(self) -> int:
        """How many replies are asked for."""
        return len(self.calls)


Provide: TypeAlias = Callable[[WireCall], Awaitable[Sequence[Reply]]]
"""What answers at the far end: at least one reply and at most `n`, in the order of the draws. An
endpoint that ignores `n` gives fewer than asked."""


class Task(Value, frozen=True, kw_only=True):
    """One unit of input."""

    id: str = ""
    """Unique among the seeds; derived from the content where empty."""
    prompt: str = ""
    messages: tuple[Message, ...] = ()
    """A conversation so far, instead of `prompt`."""
    reference: str | None = None
    """The known right answer."""
    choices: tuple[str, ...] = ()
    """The texts of the options (A), (B), ... of a multiple-choice question."""
    tests: tuple[str, ...] = ()
    """Code that checks an answer."""
    parts: tuple[Part, ...] = ()
    """What stands before `prompt` in the user's message: pictures, sound, further text."""
    meta: Json = {}
    """Anything else; carried along."""

    @property
    def conversation(self) -> tuple[Message, ...]:
        """`messages`, or the parts and `prompt` as one user message."""
        return self.messages or (user(self.prompt, *self.parts),)

    @property
    def question(self) -> str:
        """`prompt`, or the last user message's text."""
        if self.prompt or not self.messages:
            return self.prompt
        return next((m.text for m in reversed(self.messages) if m.role == "user"), "")

    def example(
        self,
        answer: "str | Sequence[Message]",
        scores: dict[str, float] | None = None,
        rejected: tuple[Message, ...] = (),
        /,
        **meta: Any,
    ) -> "Example":
        """An example made of this task; its reference, choices and tests come along.

        `answer` is the assistant's last turn after the task's conversation, or all turns of the
        example. `meta` is plain JSON: what the method found out on the way.
        """
        turns = (*self.conversation, assistant(answer)) if isinstance(answer, str) else answer
        return Example(
            messages=tuple(turns),
            rejected=rejected,
            reference=self.reference,
            choices=self.choices,
            tests=self.tests,
            scores=scores or {},
            meta=meta,
        )


class Example(Value, frozen=True, kw_only=True):
    """One unit of output."""

    id: str = ""
    """Given by the engine where empty: the task's id, numbered where one task made several."""
    messages: tuple[Message, ...]
    rejected: tuple[Message, ...] = ()
    """Turns that are worse than the last assistant turn, in its place: the other half of a preference
    pair."""
    reference: str | None = None
    choices: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    scores: dict[str, float] = {}
    meta: Json = {}
    """Plain JSON: what the method found out on the way."""
    lineage: tuple[str, ...] = ()
    """`step/task` of every step it came through, first to last; set by the engine."""

    @property
    def answer(self) -> str:
        """The text of the last assistant turn."""
        return next((m.text for m in reversed(self.messages) if m.role == "assistant"), "")

    def as_task(self) -> Task:
        """The same as input of the next step: the turns before the answer, the rest in `meta`, of
        what was rejected the text of its last turn."""
        turns = self.messages[:-1] if self.messages[-1:] and self._answered else self.messages
        meta = {**self.meta, "answer": self.answer} if self._answered else self.meta
        if self.rejected:
            meta = {**meta, "rejected": self.rejected[-1].text}
        single = len(turns) == 1 and turns[0].role == "user" and not turns[0].media
        return Task(
            id=self.id,
            prompt=turns[0].text if single else "",
            messages=() if single else turns,
            reference=self.reference,
            choices=self.choices,
            tests=self.tests,
            meta=meta,
        )

    @property
    def _answered(self) -> bool:
        return bool(self.messages) and self.messages[-1].role == "assistant"


class Rejection(Value, frozen=True, kw_only=True):
    """A method's or a filter's decision that a task gives no example, and why."""

    reason: str
    """One short phrase, the same for the same cause: reports count by it."""
    score: float | None = None
    example: Example | None = None
    """What was rejected, where there was something."""
    meta: Json = {}


class Verdict(Value, frozen=True):
    """A filter's decision about one example."""

    keep: bool
    reason: str = ""
    score: float | None = None
