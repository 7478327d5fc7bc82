"""From an accepted instruction of Self-Instruct to training examples: classification or not, instances,
their form, and the judge's three questions."""

import re
from collections.abc import Iterator, Sequence
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from understudy.call.model import Model, gather
from understudy.methods import _self_instruct_parse as parse
from understudy.methods import _self_instruct_prompts as prompts
from understudy.methods._self_instruct_grow import Accepted
from understudy.methods._self_instruct_parse import Instance
from understudy.methods._shared.requests import REFUSED, Refusal, try_request
from understudy.types import Example, Json, Rejection, Sampling, Task, assistant, user

if TYPE_CHECKING:  # settings stand in the method's own file, which imports this one
    from understudy.methods.self_instruct import Config


class Finished(NamedTuple):
    """An accepted instruction and what the teacher wrote for it."""

    task: Accepted
    labels: bool
    """Whether it is classification."""
    instances: list[Instance]
    error: str = ""


async def finish(task: Accepted, teacher: Model, config: "Config") -> Finished:
    """The instruction with instances, asked for in the way that suits its kind."""
    if config.style == "alpaca":
        return Finished(task, False, parse.sound(task.instances))
    reference, (yes, no, labelled, other) = config.style == "reference", config.demonstrations
    question = prompts.classify(task.instruction, yes, no)
    sampling = Sampling(temperature=0.0, max_tokens=config.label_tokens)
    if reference:
        sampling = Sampling(temperature=0.0, max_tokens=3, stop=("\n", "Task"))
    said = await try_request(teacher, question, sampling, raw=reference)
    if isinstance(said, Refusal):
        return Finished(task, False, [], said.error)
    labels = parse.is_yes(said.text, reference=reference)
    form = "" if not config.guidance else prompts.LABEL_FORMAT if labels else prompts.EXAMPLE_FORMAT
    shots, ask = (labelled, prompts.output_first) if labels else (other, prompts.input_first)
    sampling = Sampling(
        temperature=0.0,
        max_tokens=config.label_tokens if labels else config.instance_tokens,
        presence_penalty=config.instance_penalty,
        stop=(f"Example {config.instances + 1}", *(("Task:",) if reference else ())),
    )
    reply = await try_request(teacher, ask(task.instruction, shots, form), sampling, raw=reference)
    if isinstance(reply, Refusal):
        return Finished(task, labels, [], reply.error)
    return Finished(task, labels, parse.sound(parse.instances(reply, labels, reference=reference)))


async def examples(
    done: Finished, judge: Model, rng: Random, config: "Config"
) -> list[Example | Rejection]:
    """One example per instance, or why there is none."""
    task, found = done.task, done.instances
    about: Json = {**task.meta, "is_classification": done.labels}
    if not found:
        bare = Example(messages=(user(task.instruction),))
        if done.error:
            about |= {"error": done.error}
        reason = REFUSED if done.error else "no instance"
        return [Rejection(reason=reason, example=bare, meta=about)]
    if config.style == "reference" or len(found) > config.instances:
        found = rng.sample(found, min(len(found), config.instances))
    made = [example(task.instruction, one, rng, config, about, task.similarity) for one in found]
    if config.audit == "none":
        return list(made)
    return await gather(_audited(one, judge, config) for one in made)


def seeded(tasks: Sequence[Task], rng: Random, config: "Config") -> Iterator[Example]:
    """The instances of the seeds, where they are asked for."""
    for task in tasks if config.include_seeds else ():
        about: Json = {"seed": task.id, "is_classification": task.meta.get("is_classification")}
        for one in parse.instances_of(task.meta):
            yield example(task.question, one, rng, config, about, None)


def example(
    instruction: str,
    one: Instance,
    rng: Random,
    config: "Config",
    about: Json,
    similarity: float | None,
) -> Example:
    """An instance in the form that is trained on."""
    if config.encoding == "reference":
        prompt, completion = prompts.encode(instruction, one, rng)
    else:
        prompt = f"{instruction}\n\n{one.input}" if one.input else instruction
        completion = one.output
    fields = {"instruction": instruction, "input": one.input, "output": one.output}
    return Example(
        messages=(user(prompt), assistant(completion)),
        scores={} if similarity is None else {"similarity": similarity},
        meta=fields | about,
    )


async def _audited(one: Example, judge: Model, config: "Config") -> Example | Rejection:
    """The example with the judge's answers, or, where faults are not wanted, what it found."""
    fields = {name: one.meta[name] or "(none)" for name in ("instruction", "input", "output")}
    question = prompts.JUDGE.format(**fields)
    reply = await try_request(
        judge, question, Sampling(temperature=0.0, max_tokens=1024), raw=False
    )
    answers = {} if isinstance(reply, Refusal) else _answers(reply.text)
    audit = {name: answers.get(str(i)) for i, name in enumerate(AUDITED, 1)}
    kept = Example(messages=one.messages, scores=one.scores, meta={**one.meta, "audit": audit})
    if config.audit == "require" and not all(audit.values()):
        unread = None in audit.values()
        reason = "the judge's answers are unreadable" if unread else "the judge found a fault"
        return Rejection(reason=reason, example=kept)
    return kept


def _answers(reply: str) -> dict[str, bool]:
    found = re.findall(r"([123])\W{0,8}(yes|no)\b", reply, re.IGNORECASE)
    return {number: word.lower() == "yes" for number, word in found}


AUDITED = ("valid_task", "appropriate_input", "correct_output")
"""The questions of the paper's expert."""
