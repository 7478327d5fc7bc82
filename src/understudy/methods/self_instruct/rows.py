"""What Self-Instruct writes: training examples, and the judge's audit of them."""

import re
from random import Random
from typing import Literal

from understudy.call.model import Model
from understudy.methods._shared.requests import REFUSED, Refusal, try_request
from understudy.prompts import fill
from understudy.types import Example, Json, Rejection, Sampling, assistant, user

from .instances import Instance
from .prompts import Prompts

QUESTIONS = ("valid_task", "appropriate_input", "correct_output")
"""What the paper asked its expert about each instance."""


class Encoder:
    """Turns instances into examples."""

    def __init__(
        self, encoding: Literal["plain", "reference"], prompts: Prompts, rng: Random
    ) -> None:
        self._encoding, self._prompts, self._rng = encoding, prompts, rng

    def encode(
        self, instruction: str, instance: Instance, meta: Json, similarity: float | None = None
    ) -> Example:
        """An instance in the form that is trained on."""
        if self._encoding == "reference":
            prompt, completion = self.encode_by_template(instruction, instance)
        else:
            prompt = f"{instruction}\n\n{instance.input}" if instance.input else instruction
            completion = instance.output
        fields = {"instruction": instruction, "input": instance.input, "output": instance.output}
        return Example(
            messages=(user(prompt), assistant(completion)),
            scores={} if similarity is None else {"similarity": similarity},
            meta=fields | meta,
        )

    def encode_by_template(self, instruction: str, instance: Instance) -> tuple[str, str]:
        """Prompt and completion by one of the released templates, at random. Half of the time the
        input loses its only field name and its blank lines."""
        value = instance.input
        if self._rng.random() < 0.5:
            if len(set(re.findall(r"(\w+):", value))) == 1:
                value = value.partition(":")[2]
            value = value.replace("\n\n", "\n")
        value = value.strip()
        templates = self._prompts.with_input if value else self._prompts.without_input
        template = self._rng.choice(templates)
        prompt = fill(template, instruction=instruction.strip(), input=value)
        blank = " " if prompt.endswith("Output:") else ""
        return prompt, f"{blank}{instance.output.strip()}<|endoftext|>"


async def audit(
    example: Example, judge: Model, prompts: Prompts, *, require: bool
) -> Example | Rejection:
    """The example with the judge's answers; with `require`, a rejection unless all are yes. If the
    endpoint refuses the request, the example says so."""
    fields = {name: example.meta[name] or "(none)" for name in ("instruction", "input", "output")}
    sampling = Sampling(temperature=0.0, max_tokens=1024)
    reply = await try_request(judge, fill(prompts.judge, **fields), sampling, raw=False)
    verdicts = read_verdicts("" if isinstance(reply, Refusal) else reply.text)
    meta = {**example.meta, "audit": verdicts}
    if isinstance(reply, Refusal):
        meta["audit_error"] = reply.error
    example = Example(messages=example.messages, scores=example.scores, meta=meta)
    if not require or all(verdicts.values()):
        return example
    if isinstance(reply, Refusal):
        return Rejection(reason=REFUSED, example=example)
    unreadable = None in verdicts.values()
    reason = "the judge's answers are unreadable" if unreadable else "the judge found a fault"
    return Rejection(reason=reason, example=example)


def read_verdicts(reply: str) -> dict[str, bool | None]:
    """The judge's answer to each question; None if it has none that can be read."""
    answers = re.findall(r"([123])\W{0,8}(yes|no)\b", reply, re.IGNORECASE)
    by_number = {int(number): word.lower() == "yes" for number, word in answers}
    return {name: by_number.get(i) for i, name in enumerate(QUESTIONS, 1)}
