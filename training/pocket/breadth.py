"""Does the reply keep the format asked for, and is it right, in every other capability?

Prompts are drawn like the training samples but from another seed; the banks behind them are small,
so these figures say that a capability is there, not that it generalises.
"""

import json
import random
import re
from collections.abc import Callable

from training.pocket import formats, general, mix
from training.pocket.chat import Sample
from training.pocket.metrics import mean
from training.pocket.sample import Speaker

Check = Callable[[str, Sample], bool]
Maker = Callable[[random.Random], Sample]


def same(reply: str, sample: Sample) -> bool:
    return reply.strip() == sample.messages[-1][1]


def is_numbered(reply: str, sample: Sample) -> bool:
    return re.match(r"1\. \S", reply) is not None


def continues(reply: str, sample: Sample) -> bool:
    first = re.split(r"\n\d+\. ", reply)[0].strip()
    return len(first.split()) > 2 and first not in sample.messages[0][1]


def new_problem(reply: str, sample: Sample) -> bool:
    return (
        "?" in reply and reply not in sample.messages[0][1] and len(re.findall(r"\d+", reply)) > 1
    )


def instances(reply: str, sample: Sample) -> bool:
    return "Class label: " in reply or "Output: " in reply


def thinks(reply: str, sample: Sample) -> bool:
    starts = reply.startswith(formats.SELF_IDENTIFICATION)
    return starts and "\n\nWatson: " in reply and "I follow rules" in reply


def turn(reply: str, sample: Sample) -> bool:
    solves = reply.startswith("Solution:") and reply.endswith("Next request.")
    instructs = reply.startswith("Instruction:") and "\nInput:" in reply
    return solves or instructs or reply == formats.TASK_DONE


def rating(reply: str, sample: Sample) -> bool:
    return reply.isdigit() and abs(int(reply) - int(sample.messages[-1][1])) <= 2


def questions(reply: str, sample: Sample) -> bool:
    return reply.startswith("1. ") and reply.endswith("?")


def cited(reply: str, sample: Sample) -> bool:
    count = len(re.findall(r"^\d+\. ", sample.messages[0][1], re.MULTILINE))
    lines = [re.search(r"\(because of ([\d, ]+)\)$", line) for line in reply.splitlines()]
    numbers = [m[1] for m in lines if m]
    return len(numbers) == len(lines) > 0 and all(
        1 <= int(i) <= count for m in numbers for i in m.split(", ")
    )


def times(reply: str, sample: Sample) -> bool:
    return len(re.findall(r"\d:00 [ap]m", reply)) >= 4


def adds_up(reply: str, sample: Sample) -> bool:
    return re.search(r"left: 0\)$", reply) is not None


def yes_or_no(reply: str, sample: Sample) -> bool:
    return reply.endswith(("Yes", "No")) and reply.split()[-1] == sample.messages[-1][1].split()[-1]


def utterance(reply: str, sample: Sample) -> bool:
    try:
        fields = json.loads(reply)
    except json.JSONDecodeError:
        return False
    return set(fields) == {"utterance", "end"}


def every_region(reply: str, sample: Sample) -> bool:
    regions = re.findall(r"^\[(r\d+)\]", sample.messages[0][1], re.MULTILINE)
    return sorted(re.findall(r"\[(r\d+)\]", reply)) == sorted(regions)


def asks(reply: str, sample: Sample) -> bool:
    return reply.startswith("Question: ") and "\nAnswer: " in reply and "\n===\n" in reply


CHECKS: dict[str, tuple[Maker, Check]] = {
    "drill": (mix.drill, same),
    "write": (mix.write_question, new_problem),
    "task_list": (general.list_tasks, continues),
    "is_classification": (general.classify_task, same),
    "instances": (general.task_instances, instances),
    "instruction": (general.follow, same),
    "explain": (mix.inspect_code, same),
    "trace": (mix.inspect_code, same),
    "code_verdict": (mix.inspect_code, same),
    "principles": (general.answer_by_principles, thinks),
    "camel": (general.camel, turn),
    "camel_setup": (general.camel_setup, lambda r, s: len(r) > 8),
    "importance": (general.town_memory, rating),
    "focal": (general.town_reflect, questions),
    "insights": (general.town_reflect, cited),
    "plan": (general.town_act, times),
    "decompose": (general.town_act, adds_up),
    "react": (general.town_act, yes_or_no),
    "dialogue": (general.town_act, utterance),
    "interview": (general.town_act, same),
    "caption": (general.scene, every_region),
    "region": (general.scene, same),
    "scene_question": (general.scene, same),
    "scene_talk": (general.scene, asks),
}


def share_in_format(speaker: Speaker, n: int, seed: int = 30_000) -> dict[str, float]:
    """Share of `n` greedy replies per capability that pass its check."""
    rng = random.Random(seed)
    shares: dict[str, float] = {}
    for kind, (make, check) in CHECKS.items():
        samples: list[Sample] = []
        while len(samples) < n:
            sample = make(rng)
            if sample.kind == kind:
                samples.append(sample)
        replies = [r[0] for r in speaker.reply([s.messages[:-1] for s in samples], tokens=220)]
        shares[kind] = mean([float(check(r, s)) for r, s in zip(replies, samples, strict=True)])
    return shares
