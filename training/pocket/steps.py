"""Arithmetic solutions as data: steps that can be rendered, corrupted, parsed back and criticised.

A path is a list of `Step`; an operand is a number of the problem or the result of an earlier step.
One problem has several correct paths: a majority vote needs that diversity.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Ref:
    """The result of step `index` (from 0) of the same path."""

    index: int


@dataclass(frozen=True)
class Step:
    """`left op right`; `note` names what the result is, for the worded styles."""

    note: str
    left: int | Ref
    op: str
    right: int | Ref
    slip: int = 0
    """Added to the true result: 0 in a correct step."""


Path = tuple[Step, ...]


@dataclass(frozen=True)
class Equation:
    """One written equation, as found in a text."""

    left: int
    op: str
    right: int
    result: int

    def __str__(self) -> str:
        return f"{self.left} {self.op} {self.right} = {self.result}"

    def same(self, other: "Equation") -> bool:
        """Equal, or equal with the operands of a sum or product swapped."""
        mirrored = Equation(self.right, self.op, self.left, self.result)
        return self == other or (self.op in "+*" and mirrored == other)


def digits(number: int) -> list[int]:
    """What the digits of a number stand for, zeros left out: 407 is 400 and 7."""
    units = (10**k for k in range(len(str(number)) - 1, -1, -1))
    return [part for unit in units if (part := number // unit % 10 * unit)]


def work_out(left: int, op: str, right: int) -> str:
    """The equation with its true result; a product of long numbers digit by digit, as one checks it."""
    small, large = sorted((left, right))
    parts = digits(large)
    if op != "*" or small < 10 or len(parts) < 2:
        return f"{left} {op} {right} = {compute(left, op, right)}"
    text = [f"{small} * {part} = {small * part}" for part in parts]
    total = small * parts[0]
    for part in parts[1:]:
        text.append(f"{total} + {small * part} = {total + small * part}")
        total += small * part
    return ", ".join(text)


def compute(left: int, op: str, right: int) -> int:
    """The true result; division is whole (the families only divide evenly)."""
    if op == "+":
        return left + right
    if op == "-":
        return left - right
    if op == "*":
        return left * right
    return left // right if right else 0


def equations(path: Path) -> list[Equation]:
    """The path with its references filled in."""
    done: list[Equation] = []
    for step in path:
        left = done[step.left.index].result if isinstance(step.left, Ref) else step.left
        right = done[step.right.index].result if isinstance(step.right, Ref) else step.right
        result = compute(left, step.op, right) + step.slip
        done.append(Equation(left, step.op, right, result))
    return done


def answer(path: Path) -> int:
    """The last result."""
    return equations(path)[-1].result


STYLES = ("bare", "noted", "ordered", "then")


def render(path: Path, style: str, closing: bool = True) -> str:
    """The chain of thought in one of `STYLES`, ending in the answer sentence if `closing`."""
    done = equations(path)
    if style == "bare":
        parts = [f"{e}." for e in done]
    elif style == "noted":
        parts = [f"{s.note[0].upper()}{s.note[1:]}: {e}." for s, e in zip(path, done, strict=True)]
    elif style == "ordered":
        words = ["First", *["Next"] * (len(done) - 2), "Last"] if len(done) > 1 else ["So"]
        parts = [f"{w}, {s.note}: {e}." for w, s, e in zip(words, path, done, strict=True)]
    else:
        parts = [f"{'Then ' if i else ''}{e}." for i, e in enumerate(done)]
    if closing:
        parts.append(f"The answer is {done[-1].result}.")
    return " ".join(parts)


EQUATION = re.compile(r"(-?\d+) ([-+*/]) (-?\d+) = (-?\d+)")
FINAL = re.compile(r"The answer is (-?\d+)\b")


def parse(text: str) -> list[Equation]:
    """All equations written in a text, in order."""
    match = EQUATION.findall(text)
    return [Equation(int(a), op, int(b), int(c)) for a, op, b, c in match]


def final(text: str) -> int | None:
    """The number after the first `The answer is `, if any."""
    match = FINAL.search(text)
    return int(match[1]) if match else None


def corrupt(path: Path, rng: random.Random) -> Path:
    """The path with one mistake whose consequences are carried on: a slip, operator or operand."""
    at = rng.randrange(len(path))
    step, kind = path[at], rng.random()
    true = equations(path)[at].result
    numbers = [side for side in ("left", "right") if isinstance(getattr(step, side), int)]
    if kind < 0.6 or not numbers:
        wrong = replace(step, slip=slip(true, rng))
    elif kind < 0.8:
        others = [op for op in "+-*" if op != step.op]
        wrong = replace(step, op=rng.choice(others))
    else:
        side = rng.choice(numbers)
        old: int = getattr(step, side)
        new = max(1, old + rng.choice((-10, -2, -1, 1, 2, 10)))
        wrong = replace(step, left=new) if side == "left" else replace(step, right=new)
    return (*path[:at], wrong, *path[at + 1 :])


def slip(true: int, rng: random.Random) -> int:
    """A plausible error of `true`: off by one, by ten, a wrong carry or a swapped digit."""
    size = rng.choice((1, 1, 2, 10, 10, 20, 100 if true > 150 else 1, 9, 3))
    return size if rng.random() < 0.5 or true - size < 0 else -size


def nearest(paths: Sequence[Path], attempt: Sequence[Equation]) -> tuple[Path, int]:
    """The correct path that shares the longest beginning with what was written, and its length."""

    def common_prefix(path: Path) -> int:
        done = equations(path)
        n = 0
        while n < min(len(done), len(attempt)) and done[n].same(attempt[n]):
            n += 1
        return n

    best = max(paths, key=common_prefix)
    return best, common_prefix(best)


def critique(paths: Sequence[Path], attempt: Sequence[Equation]) -> str | None:
    """Feedback that walks the steps to the first fault; `None` if there is none.

    A false equation is named first; true equations that no correct path contains are named against
    the nearest correct path.
    """
    parts: list[str] = []
    gold, agreed = nearest(paths, attempt)
    solution = equations(gold)
    for i, e in enumerate(attempt):
        true = compute(e.left, e.op, e.right)
        if e.result != true:
            parts.append(f"Step {i + 1}: {work_out(e.left, e.op, e.right)}, not {e.result}.")
            return " ".join([*parts, f"Write {true} in step {i + 1}."])
        if i >= agreed:
            parts.append(f"Step {i + 1}: {e}, but that does not fit the problem.")
            w = solution[min(i, len(solution) - 1)]
            return " ".join([*parts, f"Write {w.left} {w.op} {w.right} in step {i + 1}."])
        parts.append(f"Step {i + 1}: {work_out(e.left, e.op, e.right)}, right.")
    if agreed < len(solution):
        w = solution[agreed]
        return " ".join([*parts, f"The next step {w.left} {w.op} {w.right} is missing."])
    return None


def approval(attempt: Sequence[Equation], phrase: str) -> str:
    """Feedback on a solution without fault."""
    parts = [
        f"Step {i}: {work_out(e.left, e.op, e.right)}, right." for i, e in enumerate(attempt, 1)
    ]
    return " ".join([*parts, phrase])
