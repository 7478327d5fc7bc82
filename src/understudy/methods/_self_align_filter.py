"""The filters of Self-Align's second stage: the released code's, exactly, and one that is mended."""

import re
from typing import NamedTuple

from understudy.methods._self_align_constitution import Constitution, cited, leaks
from understudy.methods._self_align_replies import Draft

END = "\n\n### User\n"
"""What the released code puts after a whole answer, for the student to learn where answers end."""

REFUSALS = ("I'm sorry", "I am sorry")


class Screened(NamedTuple):
    """An answer fit for training, or why it is not."""

    answer: str = ""
    reason: str = ""
    """Empty where it is kept."""
    word: str = ""
    """What gave a leak away."""
    thought: str = ""
    cited: tuple[int, ...] = ()


def reference(
    said: str, constitution: Constitution, shots: int, product: str, least: int
) -> Screened:
    """A raw completion through the released code's filter, in its order and with its quirks; and at the
    end through one rule more: no thought passes, such as one for a turn that the model invented."""
    name = constitution.name
    thought, found, answer = said.partition(f"\n\n{name}:")
    if not said.startswith(constitution.self_identification):
        return Screened(reason="no self-identification", thought=said)
    if not found:
        return Screened(reason="no answer after the thought", thought=said)
    ids = cited(thought, constitution)
    answer = cut_repeats(answer.strip(), REFERENCE_BREAKS)
    whole, ended, _ = answer.partition("\n\nUser:")
    # A short answer that was cut off passes: length is asked only of those that end.
    answer = whole.strip() + END if ended else without_last_word(answer)
    reason = word = ""
    if ended and len(answer) < least:
        reason = "too short"
    elif word := next(
        (leak.text for leak in leaks(constitution, shots) if leak.text in answer), ""
    ):
        reason = "exemplar in the answer"
    elif answer.startswith(REFUSALS):
        reason = "refusal"
    elif not answer:
        reason = "empty answer"
    elif word := thought_in(answer, thought, "", constitution):
        reason = "thought in the answer"
    answer = answer.replace(name, product)
    return Screened(WIKIPEDIA.sub("Here", answer), reason, word, thought, ids)


def mended(
    draft: Draft, question: str, constitution: Constitution, shots: int, product: str, least: int
) -> Screened:
    """A draft through the same rules, mended.

    Code is never cut, and a repeated sentence ends the text only where it comes a third time. A word
    of an exemplar is no leak where the question has it too, nor is the code-name changed there. And
    the thought must not have slipped into the answer.
    """
    answer = draft.answer if "```" in draft.answer else cut_loop(draft.answer)
    reason, word = draft.reason, ""
    if reason:
        pass
    elif not answer:
        reason = "empty answer"
    elif answer.replace("’", "'").startswith(REFUSALS):
        reason = "refusal"
    elif len(answer) < least:
        reason = "too short"
    elif word := thought_in(answer, draft.thought, question, constitution):
        reason = "thought in the answer"
    elif word := exemplar_in(answer, question, constitution, shots):
        reason = "exemplar in the answer"
    if constitution.name not in question:
        answer = re.sub(rf"\b{re.escape(constitution.name)}\b", product, answer)
    return Screened(WIKIPEDIA.sub("Here", answer), reason, word, draft.thought, draft.cited)


def cut_repeats(text: str, breaks: str) -> str:
    """The text before the first clause that it has said before; a clause ends at any of `breaks`."""
    seen, kept = set[str](), list[str]()
    for piece in re.split(f"(?<=[{re.escape(breaks)}])", text):
        clause = piece.strip()
        if clause in seen:
            break
        if clause and clause not in breaks:
            seen.add(clause)
        kept.append(piece)
    return "".join(kept)


def cut_loop(text: str) -> str:
    """The text before the second time of a sentence that comes three times or more: a loop, which a
    refrain or a repeated line of a list is not yet."""
    times, second, start = dict[str, int](), dict[str, int](), 0
    for piece in re.split(r"(?<=[.?!。？！\n])", text):
        sentence = piece.strip()
        if len(sentence) >= _LOOP:
            times[sentence] = times.get(sentence, 0) + 1
            if times[sentence] == 2:
                second[sentence] = start
        start += len(piece)
    ends = [place for sentence, place in second.items() if times[sentence] > 2]
    return text[: min(ends)].strip() if ends else text


def without_last_word(text: str) -> str:
    """A text that was cut off, without the word that may be half; one word alone stays."""
    return text.rsplit(" ", 1)[0]


def thought_in(answer: str, thought: str, question: str, constitution: Constitution) -> str:
    """What in an answer was thought and not said: the frame of the dialogue, a citation of a
    principle, or words of the thought about the user and the rules."""
    name = re.escape(constitution.name)
    if (frame := re.search(_FRAME.format(name=name), answer)) and frame[0] not in question:
        return frame[0].strip()
    if constitution.self_identification.rstrip(".") in answer:
        return constitution.self_identification
    if cited(answer, constitution):
        return "a cited principle"
    if len(thought) >= _THOUGHT and thought in answer:
        return thought
    for sentence in re.split(r"(?<=[.?!])\s+|\n", thought):
        if _ABOUT.search(sentence) and sentence.strip() in answer:
            return sentence.strip()
    return ""


def exemplar_in(answer: str, question: str, constitution: Constitution, shots: int) -> str:
    """What in an answer is an exemplar's and not the question's; the frame is looked for elsewhere."""
    for leak in leaks(constitution, shots):
        if leak.kind != "frame" and leak.text in answer and leak.text not in question:
            return leak.text
    return constitution.closing if constitution.closing in answer else ""


REFERENCE_BREAKS = "\n.?!;:,"
CLONING_BREAKS = "\n.?!;:,`"

WIKIPEDIA = re.compile(r"^(?:According to|Based on|From) Wikipedia, here\b")
"""An opener of recited knowledge, of which `Here` is kept."""

_FRAME = (
    r"\(internal thoughts\)|\(auto reply\)|relevant_principles|</?think"
    r"|(?:^|\n) *(?:User|{name}):"
)
_ABOUT = re.compile(r"\bthe user\b|\bI follow\b|\b(?:rules?|principles?) \d", re.IGNORECASE)
"""What a thought says and an answer does not: facts may stand in both."""
_THOUGHT = 20
"""Characters of a thought that an answer can repeat by more than chance."""
_LOOP = 10
"""Characters of a sentence that can make a loop."""
