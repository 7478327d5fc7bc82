"""The filters of Self-Align's second stage: the released code's, exactly, and one that mends it."""

import re
from typing import NamedTuple

from .constitution import Constitution, find_citations, find_leaks
from .styles import Draft, read_completion

END = "\n\n### User\n"
"""What the released code puts after a whole answer, so that the student learns where answers end."""

REFUSALS = ("I'm sorry", "I am sorry")


class Screening(NamedTuple):
    """An answer that may be trained on, or why it may not."""

    answer: str = ""
    reason: str = ""
    """Why it is rejected; empty if it is kept."""
    leak: str = ""
    """What in the answer is from the prompt or the thought."""
    thought: str = ""
    principles: tuple[int, ...] = ()


def screen_completion(
    text: str, constitution: Constitution, shots: int, product: str, min_characters: int
) -> Screening:
    """A raw completion through the released code's filter, in its order and with its quirks. One rule is
    added at the end: no thought passes, such as one for a turn that the model invented."""
    draft = read_completion(text, constitution)
    if draft.reason:
        return Screening(reason=draft.reason, thought=draft.thought)
    answer = cut_repeats(draft.answer, REFERENCE_BREAKS)
    whole, mark, _ = answer.partition("\n\nUser:")
    # A short answer that was cut off passes: only an answer that ends must be long enough.
    answer = whole.strip() + END if mark else cut_last_word(answer)
    reason = leak = ""
    if mark and len(answer) < min_characters:
        reason = "too short"
    elif leak := next((x.text for x in find_leaks(constitution, shots) if x.text in answer), ""):
        reason = "exemplar in the answer"
    elif answer.startswith(REFUSALS):
        reason = "refusal"
    elif not answer:
        reason = "empty answer"
    elif leak := find_thought(answer, draft.thought, "", constitution):
        reason = "thought in the answer"
    answer = answer.replace(constitution.name, product)
    return Screening(
        WIKIPEDIA.sub("Here", answer), reason, leak, draft.thought, draft.principles
    )  # fmt: skip


def screen(
    draft: Draft,
    question: str,
    constitution: Constitution,
    shots: int,
    product: str,
    min_characters: int,
) -> Screening:
    """A draft through the same rules, mended.

    Code is never cut. A repeated sentence ends the text only if it comes a third time. A word of an
    exemplar is no leak if the question has it too, and then the code-name is not replaced either. The
    thought must not have slipped into the answer.
    """
    answer = draft.answer if "```" in draft.answer else cut_loop(draft.answer)
    reason, leak = draft.reason, ""
    if reason:
        pass
    elif not answer:
        reason = "empty answer"
    elif answer.replace("’", "'").startswith(REFUSALS):
        reason = "refusal"
    elif len(answer) < min_characters:
        reason = "too short"
    elif leak := find_thought(answer, draft.thought, question, constitution):
        reason = "thought in the answer"
    elif leak := find_exemplar(answer, question, constitution, shots):
        reason = "exemplar in the answer"
    if constitution.name not in question:
        answer = re.sub(rf"\b{re.escape(constitution.name)}\b", product, answer)
    return Screening(
        WIKIPEDIA.sub("Here", answer), reason, leak, draft.thought, draft.principles
    )  # fmt: skip


def cut_repeats(text: str, breaks: str) -> str:
    """The text before the first clause that it had before; a clause ends at any of `breaks`."""
    clauses, pieces = set[str](), list[str]()
    for piece in re.split(f"(?<=[{re.escape(breaks)}])", text):
        clause = piece.strip()
        if clause in clauses:
            break
        if clause and clause not in breaks:
            clauses.add(clause)
        pieces.append(piece)
    return "".join(pieces)


def cut_loop(text: str) -> str:
    """The text before the second occurrence of a sentence that comes three times or more. That is a
    loop; a refrain or a repeated line of a list is none."""
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


def cut_last_word(text: str) -> str:
    """A text that was cut off, without its last word, which may be half of one; a lone word stays."""
    return text.rsplit(" ", 1)[0]


def find_thought(answer: str, thought: str, question: str, constitution: Constitution) -> str:
    """What in an answer belongs to the thought: the frame of the dialogue, a citation of a principle, or
    words of the thought about the user and the rules. Empty for nothing."""
    name = re.escape(constitution.name)
    if (frame := re.search(_FRAME.format(name=name), answer)) and frame[0] not in question:
        return frame[0].strip()
    if constitution.self_identification.rstrip(".") in answer:
        return constitution.self_identification
    if find_citations(answer, constitution):
        return "a cited principle"
    if len(thought) >= _THOUGHT and thought in answer:
        return thought
    for sentence in re.split(r"(?<=[.?!])\s+|\n", thought):
        if _ABOUT.search(sentence) and sentence.strip() in answer:
            return sentence.strip()
    return ""


def find_exemplar(answer: str, question: str, constitution: Constitution, shots: int) -> str:
    """What in an answer is an exemplar's and not the question's; `find_thought` looks for the frame."""
    for leak in find_leaks(constitution, shots):
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
"""Characters of a thought that an answer does not repeat by chance."""
_LOOP = 10
"""Characters of a sentence that can make a loop."""
