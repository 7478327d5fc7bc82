"""Small Python functions: a one-line specification, correct bodies, asserts, and broken variants.

A share of the specifications is ambiguous on purpose ("up to n", "position of"): only the asserts
settle what is meant, so a first attempt often fails and a repair from the error succeeds.
The code executed here is this file's own and mutations of it; code written by a model is run by
`judge.py` in a subprocess.
"""

import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

from training.pocket.problems import held_out

Args = tuple[object, ...]


@dataclass(frozen=True)
class Task:
    """A specification with its correct source, visible asserts and hidden asserts."""

    spec: str
    source: str
    asserts: tuple[str, ...]
    hidden_tests: tuple[str, ...]
    ambiguous: bool
    others: tuple[str, ...]
    """Sources of near misses: other readings of the specification, or one piece exchanged."""
    key: str
    """What decides between training and evaluation: for a composed specification what it does,
    so that the combination is unseen; for the others the specification with its asserts."""

    @property
    def held_out(self) -> bool:
        return held_out(self.key)


@dataclass(frozen=True)
class Outcome:
    """The first failed assert of a broken program: what it returned, or what it raised."""

    test: str
    returned: str | None
    raised: str | None


AMBIGUOUS_SHARE = 0.5
NAMES = ["f", "solve", "compute", "result", "find", "run", "work", "make", "get", "calc"]


def numbers(rng: random.Random) -> list[int]:
    return [rng.randint(-3, 9) for _ in range(rng.randint(2, 5))]


def positive(rng: random.Random) -> int:
    return rng.randint(1, 9)


def word(rng: random.Random) -> str:
    return "".join(rng.choice("abceilnorst") for _ in range(rng.randint(3, 6)))


def words(rng: random.Random) -> list[str]:
    return [word(rng) for _ in range(rng.randint(2, 3))]


Draw = Callable[[random.Random], Args]


def of_list(rng: random.Random) -> Args:
    return (numbers(rng),)


def of_list_int(rng: random.Random) -> Args:
    return (numbers(rng), rng.randint(1, 4))


def of_int(rng: random.Random) -> Args:
    return (positive(rng),)


def of_range(rng: random.Random) -> Args:
    a = rng.randint(1, 5)
    return (a, a + rng.randint(1, 6))


def of_word(rng: random.Random) -> Args:
    return (word(rng),)


def of_words(rng: random.Random) -> Args:
    return (words(rng),)


def of_member(rng: random.Random) -> Args:
    xs = numbers(rng)
    return (xs, rng.choice(xs))


CONDITIONS = (
    ("even", "x % 2 == 0"), ("odd", "x % 2 == 1"), ("positive", "x > 0"), ("negative", "x < 0"),
    ("greater than 2", "x > 2"), ("less than 5", "x < 5"), ("non-zero", "x != 0"),
    ("divisible by 3", "x % 3 == 0"),
)  # fmt: skip
MAPS = (
    ("numbers", "x"), ("squares of the", "x * x"), ("doubles of the", "x * 2"),
    ("cubes of the", "x ** 3"), ("negatives of the", "-x"), ("successors of the", "x + 1"),
)  # fmt: skip


FOLDS = ("sum", "count", "list", "largest", "product")


def build_fold(
    fold: str, condition: tuple[str, str], over: tuple[str, str]
) -> tuple[str, list[str], str, Draw]:
    """A filter, a map and a fold over a list: several hundred specifications."""
    (which, test), (mapped, value) = condition, over
    noun = f"the {which} numbers" if value == "x" else f"the {mapped} {which} numbers"
    comprehension = f"{value} for x in xs if {test}"
    loop = (
        "    total = {0}\n    for x in xs:\n        if {1}:\n"
        "            total = {2}\n    return total"
    )
    if fold == "sum":
        bodies = [f"    return sum({comprehension})", loop.format(0, test, f"total + {value}")]
        return f"returns the sum of {noun} in xs", bodies, "xs", of_list
    if fold == "count":
        noun = f"the {which} numbers"
        bodies = [f"    return sum(1 for x in xs if {test})", loop.format(0, test, "total + 1"),
                  f"    return len([x for x in xs if {test}])"]  # fmt: skip
        return f"counts {noun} in xs", bodies, "xs", of_list
    if fold == "largest":
        bodies = [f"    return max([{comprehension}], default=0)"]
        return f"returns the largest of {noun} in xs, or 0", bodies, "xs", of_list
    if fold == "product":
        bodies = [loop.format(1, test, f"total * {value}" if value != "-x" else "total * -x")]
        return f"returns the product of {noun} in xs", bodies, "xs", of_list
    return f"returns a list of {noun} in xs", [f"    return [{comprehension}]"], "xs", of_list


PLAIN: tuple[tuple[str, str, Draw, tuple[str, ...]], ...] = (
    ("returns xs in reverse order", "xs", of_list, ("xs[::-1]", "list(reversed(xs))")),
    ("returns xs sorted from small to large", "xs", of_list, ("sorted(xs)",)),
    ("returns xs sorted from large to small", "xs", of_list, ("sorted(xs, reverse=True)",)),
    ("returns the difference of the largest and the smallest number in xs", "xs", of_list,
     ("max(xs) - min(xs)",)),
    ("returns the sum of the first and the last number in xs", "xs", of_list, ("xs[0] + xs[-1]",)),
    ("returns the distinct numbers of xs, sorted", "xs", of_list, ("sorted(set(xs))",)),
    ("counts how often k occurs in xs", "xs, k", of_member, ("xs.count(k)",)),
    ("returns xs without the number k", "xs, k", of_member, ("[x for x in xs if x != k]",)),
    ("adds k to each number in xs", "xs, k", of_list_int, ("[x + k for x in xs]",)),
    ("multiplies each number in xs by k", "xs, k", of_list_int, ("[x * k for x in xs]",)),
    ("returns the first k numbers of xs", "xs, k", of_list_int, ("xs[:k]",)),
    ("returns all but the first k numbers of xs", "xs, k", of_list_int, ("xs[k:]",)),
    ("returns s in reverse", "s", of_word, ("s[::-1]",)),
    ("returns s in upper case", "s", of_word, ("s.upper()",)),
    ("counts the vowels in s", "s", of_word, ("sum(1 for c in s if c in 'aeiou')",)),
    ("returns s without its vowels", "s", of_word, ("''.join(c for c in s if c not in 'aeiou')",)),
    ("tells whether s reads the same backwards", "s", of_word, ("s == s[::-1]",)),
    ("returns s repeated twice", "s", of_word, ("s + s", "s * 2")),
    ("returns the letters of s, sorted", "s", of_word, ("''.join(sorted(s))",)),
    ("returns the lengths of the words", "words", of_words, ("[len(w) for w in words]",)),
    ("returns the longest of the words", "words", of_words, ("max(words, key=len)",)),
    ("joins the words with dashes", "words", of_words, ("'-'.join(words)",)),
    ("returns the first letters of the words", "words", of_words, ("[w[0] for w in words]",)),
    ("returns the square of n", "n", of_int, ("n * n", "n ** 2")),
    ("returns the sum of the digits of n", "n", lambda r: (r.randint(10, 999),),
     ("sum(int(c) for c in str(n))",)),
    ("tells whether n is even", "n", of_int, ("n % 2 == 0",)),
    ("returns the larger of a and b", "a, b", lambda r: (positive(r), positive(r)), ("max(a, b)",)),
    ("returns the product of a and b", "a, b", lambda r: (positive(r), positive(r)), ("a * b",)),
    ("returns the distance of a and b", "a, b", lambda r: (positive(r), positive(r)),
     ("abs(a - b)",)),
)  # fmt: skip
"""Specification, parameters, arguments, correct expressions."""

AMBIGUOUS: tuple[tuple[str, str, Draw, tuple[str, ...]], ...] = (
    ("returns the sum of the numbers up to n", "n", of_int, ("sum(range(n + 1))", "sum(range(n))")),
    ("lists the numbers up to n", "n", of_int, ("list(range(1, n + 1))", "list(range(n))")),
    ("lists the numbers from a to b", "a, b", of_range,
     ("list(range(a, b + 1))", "list(range(a, b))")),
    ("returns the sum of the numbers from a to b", "a, b", of_range,
     ("sum(range(a, b + 1))", "sum(range(a, b))")),
    ("counts the numbers between a and b", "a, b", of_range, ("b - a + 1", "b - a - 1")),
    ("returns the position of k in xs", "xs, k", of_member, ("xs.index(k)", "xs.index(k) + 1")),
    ("returns the mean of xs", "xs", of_list, ("sum(xs) / len(xs)", "sum(xs) // len(xs)")),
    ("returns half of n", "n", of_int, ("n / 2", "n // 2")),
    ("returns the numbers of xs above k", "xs, k", of_list_int,
     ("[x for x in xs if x > k]", "[x for x in xs if x >= k]")),
    ("counts the numbers of xs below k", "xs, k", of_list_int,
     ("sum(1 for x in xs if x < k)", "sum(1 for x in xs if x <= k)")),
    ("returns the distinct numbers of xs", "xs", of_list,
     ("sorted(set(xs))", "list(dict.fromkeys(xs))")),
    ("returns every second number of xs", "xs", of_list, ("xs[::2]", "xs[1::2]")),
    ("orders the words", "words", of_words, ("sorted(words)", "sorted(words, key=len)")),
    ("joins the words", "words", of_words, ("''.join(words)", "' '.join(words)")),
    ("returns the last letter of s", "s", of_word, ("s[-1]", "s[-1].upper()")),
    ("returns xs rotated by k", "xs, k", lambda r: (numbers(r), 1),
     ("xs[k:] + xs[:k]", "xs[-k:] + xs[:-k]")),
    ("counts down from n", "n", of_int,
     ("list(range(n, 0, -1))", "list(range(n, -1, -1))", "list(range(n - 1, -1, -1))")),
    ("shortens s", "s", of_word, ("s[:-1]", "s[1:]", "s[:2]", "s[1:-1]")),
    ("encloses s", "s", of_word, ("'(' + s + ')'", "'[' + s + ']'", "'<' + s + '>'")),
    ("numbers the words", "words", of_words,
     ("list(enumerate(words))", "list(enumerate(words, 1))")),
    ("abbreviates the words", "words", of_words,
     ("[w[0] for w in words]", "[w[:2] for w in words]", "[w[:3] for w in words]")),
    ("marks the numbers of xs above k", "xs, k", of_list_int,
     ("[x > k for x in xs]", "[int(x > k) for x in xs]", "[int(x >= k) for x in xs]")),
    ("caps xs at k", "xs, k", of_list_int,
     ("[min(x, k) for x in xs]", "[x for x in xs if x <= k]", "xs[:k]")),
    ("returns the middle of xs", "xs", of_list,
     ("xs[len(xs) // 2]", "sorted(xs)[len(xs) // 2]", "xs[1:-1]")),
    ("returns the two largest numbers of xs", "xs", of_list,
     ("sorted(xs)[-2:]", "sorted(xs, reverse=True)[:2]")),
    ("pairs up the numbers of xs", "xs", of_list,
     ("list(zip(xs, xs[1:]))", "list(zip(xs[::2], xs[1::2]))")),
    ("compares a and b", "a, b", of_range, ("a - b", "b - a", "a < b", "a > b")),
    ("doubles s", "s", of_word, ("s + s", "s + s[::-1]", "''.join(c + c for c in s)")),
    ("returns the ends of xs", "xs", of_list, ("[xs[0], xs[-1]]", "(xs[0], xs[-1])")),
    ("splits n", "n", lambda r: (r.randint(12, 98),),
     ("[int(c) for c in str(n)]", "list(str(n))", "divmod(n, 10)")),
)  # fmt: skip
"""Like `PLAIN`, but the expressions are different readings of the specification."""


def evaluate(source: str, call: str) -> str:
    """`repr` of a call on our own generated source; raises what it raises."""
    space: dict[str, object] = {}
    exec(source, space)  # our own text, never a model's
    return repr(eval(call, space))


def make_task(rng: random.Random, evaluation: bool | None = False) -> Task:
    """A random task of the training side, the held-out side (`True`) or either (`None`)."""
    while True:
        task = draw_task(rng)
        if task and (evaluation is None or task.held_out == evaluation):
            return task


def draw_task(rng: random.Random) -> Task | None:
    kind, near = rng.random(), list[str]()
    if kind < AMBIGUOUS_SHARE:
        does, params, draw, readings = rng.choice(AMBIGUOUS)
        intended = rng.choice(readings)
        bodies = [f"    return {intended}"]
        near = [f"    return {e}" for e in readings if e != intended]
    elif kind < AMBIGUOUS_SHARE + 0.2:
        does, params, draw, readings = rng.choice(PLAIN)
        bodies = [f"    return {e}" for e in readings]
        near = [f"    return {e[0]}" for *_, p, _, e in PLAIN if p == params and e != readings]
    else:
        fold, condition, over = rng.choice(FOLDS), rng.choice(CONDITIONS), rng.choice(MAPS)
        does, bodies, params, draw = build_fold(fold, condition, over)
        near = [build_fold(fold, c, over)[1][0] for c in CONDITIONS if c != condition]
        near += [build_fold(fold, condition, m)[1][0] for m in MAPS if m != over]
    name = rng.choice(NAMES)
    head = f"def {name}({params}):\n"
    source = head + rng.choice(bodies)
    spec = f"Write a Python function {name}({params}) that {does}."
    checks: list[str] = []
    for _ in range(5):
        arguments = ", ".join(repr(a) for a in draw(rng))
        call = f"{name}({arguments})"
        check = f"assert {call} == {evaluate(source, call)}"
        if check not in checks and len(check) < 70:
            checks.append(check)
    visible_count = rng.choice((2, 2, 3))
    if len(checks) <= visible_count:
        return None
    visible, hidden_tests = tuple(checks[:visible_count]), tuple(checks[visible_count:])
    others = tuple(head + body for body in near)
    ambiguous = kind < AMBIGUOUS_SHARE
    if ambiguous and not all(first_failure(other, visible) for other in others):
        return None  # the asserts must settle what is meant
    composed = kind >= AMBIGUOUS_SHARE + 0.2
    key = does if composed else f"{spec} {visible}"
    return Task(spec, source, visible, hidden_tests, ambiguous, others, key)


NEAR_SHARE = 0.6
"""How often a broken program is a near miss first, the kind of fault a model makes itself."""
EDITS = (
    (" + ", " - "), (" > ", " >= "), (" < ", " <= "), (" == ", " != "), ("n + 1", "n"),
    ("range(n)", "range(n + 1)"), ("b + 1", "b"), ("range(a, b)", "range(a, b + 1)"),
    (" // ", " / "), (" / ", " // "), ("max(", "min("), ("sum(", "len("), (" * ", " + "),
    (" % 2 == 0", " % 2 == 1"), (" % 2 == 1", " % 2 == 0"), ("[k:]", "[:k]"), ("[:k]", "[k:]"),
    ("return ", ""), ("total", "totl"), ("xs.index(k)", "xs.index(k) + 1"), (" + 1", ""),
    ("sorted(set(xs))", "list(dict.fromkeys(xs))"), ("list(dict.fromkeys(xs))", "sorted(set(xs))"),
    ("[::2]", "[1::2]"), ("[1::2]", "[::2]"), (", key=len", ""), ("''.join", "' '.join"),
    ("' '.join", "''.join"), (".upper()", ""), ("for x in xs", "for y in xs"), ("xs", "x"),
    ("xs[k:] + xs[:k]", "xs[-k:] + xs[:-k]"), ("xs[-k:] + xs[:-k]", "xs[k:] + xs[:k]"),
    ("b - a + 1", "b - a - 1"), ("b - a - 1", "b - a + 1"), ("sorted(words)", "words"),
    (" if x", " if not x"), ("[::-1]", ""), (", reverse=True", ""), ("x * x", "x"), ("x * 2", "x"),
)  # fmt: skip


def break_source(task: Task, rng: random.Random) -> tuple[str, Outcome] | None:
    """A near miss or a mutation that fails a visible assert, and how; `None` if none was found."""
    head, _, body = task.source.partition("\n")
    fitting = [(a, b) for a, b in EDITS if a in body]
    mutants = [f"{head}\n{body.replace(a, b, 1)}" for a, b in fitting]
    mutations = rng.sample(mutants, min(4, len(mutants)))
    near = rng.sample(task.others, min(4, len(task.others)))
    for program in [*near, *mutations] if rng.random() < NEAR_SHARE else [*mutations, *near]:
        outcome = first_failure(program, task.asserts)
        if outcome:
            return program, outcome
    return None


def trace(source: str, call: str) -> str:
    """What one of our own programs does on a call: each assignment by line, and the result."""
    space: dict[str, object] = {}
    exec(source, space)  # our own text, never a model's
    lines: list[str] = []
    variables: dict[str, object] = {}
    at = 0

    def note(frame: FrameType) -> None:
        for name, value in frame.f_locals.items():
            if name not in variables or variables[name] != value:
                lines.append(f"Line {at}: {name} = {value!r}")
                variables[name] = value

    def follow(frame: FrameType, event: str, _: object) -> Callable[..., object] | None:
        nonlocal at
        if event == "call":
            if frame.f_code.co_filename != "<string>" or frame.f_code.co_name.startswith("<"):
                return None
            variables.update(frame.f_locals)
        elif event == "line":
            note(frame)
            at = frame.f_lineno
        return follow

    sys.settrace(follow)
    try:
        result = repr(eval(call, space))
        clause = f"It returns {result}."
    except Exception as error:  # whatever a mutation raises is the outcome
        clause = f"It raises {type(error).__name__}: {error}."
    finally:
        sys.settrace(None)
    return "\n".join([*lines, clause])


def first_failure(source: str, asserts: tuple[str, ...]) -> Outcome | None:
    """The first visible assert that one of our own programs fails."""
    for check in asserts:
        call, _, expected = check.removeprefix("assert ").partition(" == ")
        try:
            got = evaluate(source, call)
        except Exception as error:  # whatever a mutation raises is the outcome
            return Outcome(check, None, f"{type(error).__name__}: {error}")
        if got != expected:
            return Outcome(check, got, None)
    return None


def explain(source: str) -> str:
    """A line-by-line explanation of one of our sources."""
    parts: list[str] = []
    for number, line in enumerate(source.splitlines(), 1):
        text = line.strip()
        if text.startswith("def "):
            clause = f"defines {text[4:-1]}"
        elif text.startswith("for "):
            clause = f"goes over {text[4:-1].replace(' in ', ' of ')}"
        elif text.startswith("if "):
            clause = f"tests {text[3:-1]}"
        elif text.startswith("return "):
            clause = f"returns {text[7:]}"
        else:
            clause = f"runs {text}"
        parts.append(f"Line {number} {clause}.")
    return "\n".join(parts)
