"""The report of Self-Instruct."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import cast

from understudy.types import Example, Rejection


def report(rows: Iterable[Example | Rejection]) -> str:
    """Acceptance by reason, similarity, lengths, verbs with their objects, and the judge's answers."""
    reasons, tasks = Counter[str](), dict[str, float]()
    inputs, outputs, classification = list[str](), list[str](), set[str]()
    audits = list[dict[str, bool | None]]()
    for row in rows:
        example = row
        if isinstance(row, Rejection):
            reasons[row.reason] += 1
            example = row.example if row.example and "audit" in row.example.meta else None
        if not isinstance(example, Example):
            continue
        if (audit := example.meta.get("audit")) is not None:
            audits.append(cast("dict[str, bool | None]", audit))
        if "seed" not in example.meta:
            instruction = str(example.meta["instruction"])
            tasks[instruction] = example.scores.get("similarity", 0.0)
            inputs.append(str(example.meta["input"]))
            outputs.append(str(example.meta["output"]))
            classification |= {instruction} if example.meta.get("is_classification") else set()
    losses = [f"    {n:,} {reason}" for reason, n in reasons.most_common()]
    if not tasks:
        return "\n".join(["no tasks", *losses])
    lines = [
        f"{len(tasks):,} tasks ({len(classification):,} of them classification) with {len(outputs):,} "
        f"instances, {inputs.count(''):,} without input",
        f"accepted {len(tasks) / (len(tasks) + reasons.total()):.1%} of what was proposed",
        *losses,
        *_lengths(tasks, [text for text in inputs if text], outputs),
        *_histogram(list(tasks.values())),
        *_verbs(tasks),
        *_judge(audits),
    ]
    return "\n".join(lines)


def _lengths(tasks: Iterable[str], inputs: Sequence[str], outputs: Sequence[str]) -> list[str]:
    parts = {"instruction": list(tasks), "input": inputs, "output": outputs}
    means = [
        f"{name} {sum(len(text.split()) for text in texts) / len(texts):.1f}"
        for name, texts in parts.items()
        if texts
    ]
    return [f"mean words: {', '.join(means)}"]


def _histogram(similarities: Sequence[float]) -> list[str]:
    """How many tasks have a highest similarity in each tenth."""
    tenths = Counter(min(int(f * 10), 9) for f in similarities)
    most = max(tenths.values())
    lines = ["highest similarity to any earlier instruction, seeds included"]
    for tenth in range(min(tenths), max(tenths) + 1):
        n = tenths[tenth]
        bar = "#" * round(40 * n / most)
        lines.append(f"  {tenth / 10:.1f}-{(tenth + 1) / 10:.1f} {n:>7,} {bar}".rstrip())
    return lines


def _verbs(tasks: Iterable[str]) -> list[str]:
    pairs = [pair for task in tasks if (pair := verb_and_object(task)) is not None]
    if not pairs:
        return []
    verbs, kinds = Counter(verb for verb, _ in pairs), Counter(pairs)
    common = ", ".join(f"{verb} {noun} {n}" for (verb, noun), n in kinds.most_common(5))
    top = sum(
        sum(sorted((n for (v, _), n in kinds.items() if v == verb), reverse=True)[:4])
        for verb, _ in verbs.most_common(20)
    )
    return [
        f"verb and object at the start of {len(pairs):,} instructions: {len(verbs):,} verbs, "
        f"{len(kinds):,} pairs, most often {common}; the 20 commonest verbs with 4 objects each "
        f"cover {top / len(pairs):.0%} of them (a rule of thumb, for English)"
    ]


def verb_and_object(instruction: str) -> tuple[str, str] | None:
    """The first word, taken for a verb, and its object: the last of the words that follow, up to a
    preposition, conjunction or sign. None if the first word is of a kind that starts no order, or if
    nothing follows. This is no parser: it is right for plain orders in English, and often wrong else."""
    tokens = cast("list[str]", re.findall(r"[a-z][a-z'-]*|[^\sa-z]", instruction.lower()))
    if tokens[:1] in (["please"], ["kindly"]):
        tokens = tokens[1:]
    if not tokens or tokens[0] in _NO_VERB.split() or not tokens[0].isascii():
        return None
    phrase = list[str]()
    for token in tokens[1:]:
        if token in _ENDS.split() or not token[0].isascii() or not token[0].isalpha():
            if phrase or token not in _ENDS.split():
                break
            continue
        phrase.append(token)
    phrase = [word for word in phrase if word not in _SMALL.split()]
    if not phrase:
        return None
    noun = phrase[-1].removesuffix("'s")
    plural = len(noun) > 3 and noun.endswith("s") and not noun.endswith(("ss", "us", "is"))
    return tokens[0], noun[:-1] if plural else noun


_NO_VERB = """
a an the this that these those i you he she it we they my your his her its our their what which who whom
whose when where why how is are was were do does did can could should would will may might must have has
had if given in on at for from to with by of as after before there no not yes and or but suppose imagine
based using"""
_ENDS = """
about above after against among and around as at because before behind below between but by containing
during explaining for from given if in including inside into like near of off on onto or out over per
related so such than that then through to toward under until using whether which
while who whose with within without why how when where what you i we they is are was were"""
_SMALL = "a an the this that these those my your his her its our their me us some it them"


def _judge(audits: Sequence[dict[str, bool | None]]) -> list[str]:
    if not audits:
        return []
    parts = [
        f"{name.replace('_', ' ')} {sum(bool(a.get(name)) for a in audits) / len(audits):.0%}"
        for name in audits[0]
    ]
    whole = sum(all(audit.values()) for audit in audits) / len(audits)
    return [f"judge, of {len(audits):,} instances: {', '.join(parts)}, all three {whole:.0%}"]
