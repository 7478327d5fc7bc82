"""Arithmetic word problems of several families, each with several correct solution paths."""

import random
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from training.pocket.steps import Path, Ref, Step, answer, digits

LEVELS = (0.15, 0.15, 0.2, 0.5)
"""Shares of problems by the size of their numbers, named in `SIZES`: some are easy and some hard, as in
any real set of problems, so that a share of votes and a P(True) have something to say."""
CARE = 0.7
"""How likely a path is against one that has a step less: most people multiply at once, and err."""
SIZES = ("small", "larger", "large", "long products")
HELD_OUT_SHARE = 20
"""One question in this many is never trained on: those with crc32(question) % 20 == 0."""


@dataclass(frozen=True)
class Problem:
    """A question, its correct paths, the family that made it and the size of its numbers."""

    family: str
    question: str
    paths: tuple[Path, ...]
    level: int = 0

    def path(self, rng: random.Random) -> Path:
        """One of the paths; the short ones are likelier."""
        return rng.choices(self.paths, [CARE ** len(path) for path in self.paths])[0]

    @property
    def careful(self) -> Path:
        """The path of the smallest steps."""
        return max(self.paths, key=len)

    @property
    def answer(self) -> int:
        return answer(self.paths[0])

    @property
    def held_out(self) -> bool:
        return held_out(self.question)


@dataclass(frozen=True)
class Draw:
    """Random choices of one problem, whose numbers are of one size throughout."""

    rng: random.Random
    level: int
    """An index of `LEVELS`."""

    def term(self, low: int, high: int, at_most: int | None = None) -> int:
        """A number to add or subtract: `low` to `high`, or up to three or twelve times as much."""
        low, high = ((low, high), (high, 3 * high), (3 * high, 12 * high))[min(self.level, 2)]
        if at_most is not None:
            low, high = min(low, max(1, at_most // 2)), min(high, at_most)
        return self.rng.randint(low, high)

    def factor(self, low: int, high: int) -> int:
        """What is there several times: `low` to `high`, or up to six or forty more."""
        if self.level == 3:
            return self.rng.randint(21, 99)
        low, high = ((low, high), (high, high + 6), (high + 7, high + 40))[self.level]
        return self.rng.randint(low, high)

    def long_factor(self, low: int, high: int) -> int:
        """The same, of three digits in a long product."""
        return self.rng.randint(101, 899) if self.level == 3 else self.factor(low, high)

    def count(self, low: int, high: int) -> int:
        """How many times: `low` to `high`, or two digits in a long product."""
        return self.rng.randint(12, 89) if self.level == 3 else self.rng.randint(low, high)


def held_out(question: str) -> bool:
    """Whether a question belongs to the evaluation, by a hash of its text."""
    return zlib.crc32(question.encode()) % HELD_OUT_SHARE == 0


NAMES = [
    "Ann", "Ben", "Cara", "Dan", "Eva", "Finn", "Gina", "Hugo", "Ida", "Jack", "Kim", "Leo",
    "Mia", "Noah", "Olga", "Paul", "Rosa", "Sam",
]  # fmt: skip
THINGS = [
    "apples", "books", "cards", "coins", "eggs", "marbles", "pens", "plates", "stamps", "toys",
    "shells", "seeds",
]  # fmt: skip
PLACES = ["shop", "farm", "school", "library", "market", "garden"]
HOLDERS = ["boxes", "bags", "trays", "shelves", "jars", "baskets"]
PLACES_OF = {1: "ones", 2: "tens", 3: "hundreds"}
"""Names of digits, by how many there are from here on."""
R0, R1, R2, R3 = Ref(0), Ref(1), Ref(2), Ref(3)


def name(rng: random.Random) -> str:
    return rng.choice(NAMES)


def two_names(rng: random.Random) -> tuple[str, str]:
    first, second = rng.sample(NAMES, 2)
    return first, second


def product(note: str, a: int, b: int) -> list[Path]:
    """Ways to write a * b as steps: at once, swapped, or digit by digit of the larger factor."""
    ways: list[Path] = [(Step(note, a, "*", b),), (Step(note, b, "*", a),)]
    small, large = sorted((a, b))
    parts = digits(large)
    if len(parts) > 1:
        path = [Step(f"the {PLACES_OF[len(str(p))]} part", small, "*", p) for p in parts]
        path.append(Step("the first parts" if len(parts) > 2 else note, R0, "+", R1))
        if len(parts) > 2:
            path.append(Step(note, R3, "+", R2))
        ways.append(tuple(path))
    return ways


def move_refs(path: Path, results: Sequence[int]) -> Path:
    """The path with its references changed: `Ref(i)` to `Ref(results[i])`."""

    def move(x: int | Ref) -> int | Ref:
        return Ref(results[x.index]) if isinstance(x, Ref) else x

    return tuple(Step(step.note, move(step.left), step.op, move(step.right)) for step in path)


def join_paths(heads: list[Path], tails: list[Path]) -> list[Path]:
    """Each head followed by each tail, whose `R0` is the head's last result."""
    return [
        head + move_refs(tail, range(len(head) - 1, len(head) + len(tail)))
        for head in heads
        for tail in tails
    ]


def side_by_side(first: list[Path], second: list[Path], tails: list[Path]) -> list[Path]:
    """Each of the first, each of the second and each tail, whose `R0` and `R1` are their results."""
    out: list[Path] = []
    for a in first:
        for b in second:
            n = len(a) + len(b)
            both = a + move_refs(b, range(len(a), n))
            out += [both + move_refs(t, (len(a) - 1, n - 1, *range(n, n + len(t)))) for t in tails]
    return out


def gains(draw: Draw) -> Problem:
    rng = draw.rng
    who, thing = name(rng), rng.choice(THINGS)
    a, b, c, d = draw.term(6, 45), draw.term(3, 25), draw.term(2, 19), draw.term(2, 19)
    verbs = rng.sample(["gets", "buys", "finds", "wins"], 2)
    loss = rng.choice(["gives away", "sells", "loses"])
    lost_n = draw.term(2, 29, at_most=a + b - 2)
    if rng.random() < 0.5:
        q = (
            f"{who} has {a} {thing}. {who} {verbs[0]} {b} {thing} and {loss} {lost_n}. "
            f"Then {who} {verbs[1]} {c} more. How many {thing} does {who} have now?"
        )
        x = "the number after the gain"
        return Problem("gains", q, (
            (Step(x, a, "+", b), Step("what is left", R0, "-", lost_n), Step("the end", R1, "+", c)),
            (Step("all gains", b, "+", c), Step("the sum", a, "+", R0),
             Step("the end", R1, "-", lost_n)),
            (Step(x, a, "+", b), Step("the sum", R0, "+", c), Step("the end", R1, "-", lost_n)),
        ))  # fmt: skip
    q = (
        f"A {rng.choice(PLACES)} has {a} {thing} on Monday, {b} more come on Tuesday, {c} on "
        f"Wednesday and {d} on Friday. How many {thing} are there in the end?"
    )
    x = "the first sum"
    return Problem("sums", q, (
        (Step(x, a, "+", b), Step("the next sum", R0, "+", c), Step("the total", R1, "+", d)),
        (Step(x, a, "+", b), Step("the other sum", c, "+", d), Step("the total", R0, "+", R1)),
        (Step(x, c, "+", d), Step("the next sum", R0, "+", b), Step("the total", R1, "+", a)),
        (Step(x, a, "+", c), Step("the other sum", b, "+", d), Step("the total", R0, "+", R1)),
    ))  # fmt: skip


def holders(draw: Draw) -> Problem:
    rng = draw.rng
    thing, holder = rng.choice(THINGS), rng.choice(HOLDERS)
    n, m = draw.count(2, 9), draw.long_factor(3, 12)
    extra = draw.term(2, 25)
    who = name(rng)
    if rng.random() < 0.5:
        q = (
            f"{who} packs {n} {holder} with {m} {thing} each and has {extra} {thing} over. "
            f"How many {thing} does {who} have?"
        )
        tails: list[Path] = [
            (Step("the total", R0, "+", extra),),
            (Step("the total", extra, "+", R0),),
        ]
    else:
        extra = draw.term(2, 25, at_most=n * m - 2)
        loss = rng.choice(["are sold", "break", "are lost", "are given away"])
        q = (
            f"There are {n} {holder} with {m} {thing} each. {extra} {thing} {loss}. "
            f"How many {thing} are left?"
        )
        tails = [(Step("what is left", R0, "-", extra),)]
    heads = product(f"the {thing} in {holder}", n, m)
    return Problem("holders", q, tuple(join_paths(heads, tails)))


def two_products(draw: Draw) -> Problem:
    rng = draw.rng
    thing, other = rng.sample(THINGS, 2)
    who = name(rng)
    a, b, c, d = draw.count(2, 6), draw.factor(2, 9), draw.count(2, 6), draw.factor(2, 9)
    cost = a * b + c * d
    first, second = product(f"the {thing}", a, b), product(f"the {other}", c, d)
    if rng.random() < 0.5:
        q = (
            f"{who} buys {a} {thing} at {b} dollars each and {c} {other} at {d} dollars each. "
            "How many dollars is that in all?"
        )
        ends: list[Path] = [(Step("the total", R0, "+", R1),), (Step("the total", R1, "+", R0),)]
        either = side_by_side(first, second, ends) + side_by_side(second, first, ends)
        return Problem("cost", q, tuple(either))
    pays = cost + draw.term(2, 25)
    q = (
        f"{who} has {pays} dollars and buys {a} {thing} at {b} dollars each and {c} {other} at "
        f"{d} dollars each. How many dollars are left?"
    )
    spending: list[Path] = [(Step("the cost", R0, "+", R1), Step("what is left", pays, "-", R2))]
    then: list[Path] = [(Step("what is left", R0, "-", R1),)]
    after_first = join_paths(first, [(Step("what is left first", pays, "-", R0),)])
    paths = side_by_side(first, second, spending) + side_by_side(second, first, spending)
    return Problem("change", q, (*paths, *side_by_side(after_first, second, then)))


def compare(draw: Draw) -> Problem:
    rng = draw.rng
    x, y = two_names(rng)
    thing = rng.choice(THINGS)
    a, b = draw.term(8, 45), draw.term(2, 19)
    more = rng.random() < 0.5 or b >= a - 5
    word, op = ("more", "+") if more else ("fewer", "-")
    b = b if more else draw.term(2, 19, at_most=a - 5)
    q = (
        f"{x} has {a} {thing}. {y} has {b} {thing} {word} than {x}. "
        f"How many {thing} do they have together?"
    )
    paths: tuple[Path, ...] = (
        (Step(f"the number of {y}", a, op, b), Step("the total", a, "+", R0)),
        (Step(f"the number of {y}", a, op, b), Step("the total", R0, "+", a)),
        (Step(f"twice the number of {x}", 2, "*", a), Step("the total", R0, op, b)),
        (Step(f"twice the number of {x}", a, "+", a), Step("the total", R0, op, b)),
    )
    return Problem("compare", q, paths)


def times(draw: Draw) -> Problem:
    rng = draw.rng
    x, y = two_names(rng)
    thing = rng.choice(THINGS)
    a, k, c = draw.factor(3, 10), draw.count(2, 5), draw.term(2, 19)
    q = (
        f"{x} has {a} {thing}. {y} has {k} times as many and gets {c} more. "
        f"How many {thing} do {x} and {y} have in all?"
    )
    heads = product(f"{k} times {a}", k, a)
    tails: list[Path] = [
        (Step(f"the number of {y}", R0, "+", c), Step("the total", R1, "+", a)),
        (Step("the sum", R0, "+", a), Step("the total", R1, "+", c)),
    ]
    more: list[Path] = [(Step("the total", R0, "+", c),)]
    paths = join_paths(heads, tails) + join_paths(product("all parts", k + 1, a), more)
    return Problem("times", q, tuple(paths))


def share(draw: Draw) -> Problem:
    rng = draw.rng
    thing = rng.choice(THINGS)
    k, each = rng.randint(2, 9), draw.factor(3, 9)
    total = k * each
    a = rng.randint(total // 5 + 1, total - total // 5 - 1)
    b = total - a
    x, y = two_names(rng)
    q = (
        f"{x} has {a} {thing} and {y} has {b}. They share all of them equally among {k} "
        f"{rng.choice(['children', 'friends', 'teams'])}. How many {thing} does each get?"
    )
    end = Step("each share", R0, "/", k)
    sums = (Step("all of them", a, "+", b), end), (Step("all of them", b, "+", a), end)
    return Problem("share", q, sums)


def fraction(draw: Draw) -> Problem:
    rng = draw.rng
    place, thing = rng.choice(PLACES), rng.choice(THINGS)
    k = rng.choice((2, 3, 4, 5))
    word = {2: "half", 3: "a third", 4: "a quarter", 5: "a fifth"}[k]
    part = draw.factor(3, 12)
    a = k * part
    b = rng.randint(1, a - part - 1)
    q = (
        f"A {place} has {a} {thing}. It sells {word} of them in the morning and {b} in the "
        f"afternoon. How many {thing} are left?"
    )
    sale = Step("sold in the morning", a, "/", k)
    return Problem("fraction", q, (
        (sale, Step("what is left first", a, "-", R0), Step("what is left", R1, "-", b)),
        (sale, Step("all sold", R0, "+", b), Step("what is left", a, "-", R1)),
    ))  # fmt: skip


def saving(draw: Draw) -> Problem:
    rng = draw.rng
    who = name(rng)
    a, n, b = draw.long_factor(2, 9), draw.count(2, 7), draw.term(3, 25)
    goal = a * n + b + draw.term(3, 25)
    unit = rng.choice(["week", "month"])
    q = (
        f"{who} has {b} dollars and saves {a} dollars a {unit} for {n} {unit}s. A bike costs {goal} "
        f"dollars. How many dollars does {who} still need?"
    )
    tails: list[Path] = [
        (Step("all the money", b, "+", R0), Step("what is needed", goal, "-", R1)),
        (Step("what is needed first", goal, "-", R0), Step("what is needed", R1, "-", b)),
    ]
    return Problem("saving", q, tuple(join_paths(product("what is saved", a, n), tails)))


def trip(draw: Draw) -> Problem:
    rng = draw.rng
    who = name(rng)
    v, t, w, u = draw.factor(3, 10), draw.count(2, 6), draw.factor(3, 10), draw.count(2, 6)
    q = (
        f"{who} rides {t} hours at {v} km per hour and then {u} hours at {w} km per hour. "
        "How many km is the trip?"
    )
    first, second = product("the first part", t, v), product("the second part", u, w)
    end: list[Path] = [(Step("the trip", R0, "+", R1),)]
    either = side_by_side(first, second, end) + side_by_side(second, first, end)
    return Problem("trip", q, tuple(either))


def rows(draw: Draw) -> Problem:
    rng = draw.rng
    r, c, price = draw.count(2, 7), draw.factor(3, 9), rng.randint(2, 3)
    k = draw.term(2, 15, at_most=r * c - 2)
    crop = rng.choice(["trees", "roses", "plants"])
    q = (
        f"A garden has {r} rows of {c} {crop}. {k} of them die. Each of the others is sold for "
        f"{price} dollars. How many dollars is that?"
    )
    tails: list[Path] = [
        (Step(f"the living {crop}", R0, "-", k), Step("the money", R1, "*", price)),
        (Step(f"the living {crop}", R0, "-", k), Step("the money", price, "*", R1)),
    ]
    return Problem("rows", q, tuple(join_paths(product(f"all {crop}", r, c), tails)))


def ages(draw: Draw) -> Problem:
    rng, draw = draw.rng, replace(draw, level=min(draw.level, 1))  # people grow only so old
    (x, y), z = two_names(rng), rng.choice(["aunt", "uncle", "teacher"])
    a, b, k = draw.factor(6, 15), draw.factor(2, 9), rng.randint(2, 3)
    q = (
        f"{x} is {a} years old. {y} is {b} years older than {x}. Their {z} is {k} times as old as "
        f"{y}. How old are the three together?"
    )
    older = Step(f"the age of {y}", a, "+", b)
    return Problem("ages", q, (
        (older, Step(f"the age of the {z}", R0, "*", k), Step("two ages", a, "+", R0),
         Step("the total", R2, "+", R1)),
        (older, Step(f"the age of the {z}", k, "*", R0), Step("two ages", R0, "+", R1),
         Step("the total", R2, "+", a)),
        (older, Step("two of the ages", R0, "*", k + 1), Step("the total", R1, "+", a)),
    ))  # fmt: skip


def pages(draw: Draw) -> Problem:
    rng = draw.rng
    who = name(rng)
    a, b, n = draw.term(3, 25), draw.term(3, 25), draw.factor(2, 6)
    k = draw.count(2, 4)
    total = a + b + n * k + draw.term(3, 25)
    q = (
        f"A book has {total} pages. {who} reads {a} pages on Monday, {b} on Tuesday and {n} pages on "
        f"each of the next {k} days. How many pages are left?"
    )
    later = product("the later pages", n, k)
    days: list[Path] = [(Step("the first days", a, "+", b),)]
    left_first: list[Path] = [
        (Step("left after Monday", total, "-", a), Step("left after Tuesday", R0, "-", b)),
        (Step("the first days", a, "+", b), Step("left after Tuesday", total, "-", R0)),
    ]
    read: list[Path] = [(Step("all read", R0, "+", R1), Step("what is left", total, "-", R2))]
    rest: list[Path] = [(Step("what is left", R0, "-", R1),)]
    paths = side_by_side(later, days, read) + side_by_side(left_first, later, rest)
    return Problem("pages", q, tuple(paths))


FAMILIES: tuple[Callable[[Draw], Problem], ...] = (
    gains, gains, holders, two_products, two_products, compare, times, share, fraction, saving,
    trip, rows, ages, pages,
)  # fmt: skip
LONG = (holders, two_products, two_products, times, saving, trip, rows, pages)
"""Those with a product to make long."""


def make_problem(rng: random.Random, evaluation: bool | None = False) -> Problem:
    """A random problem: of the training side, the held-out side (`True`) or either (`None`)."""
    while True:
        level = rng.choices(range(len(LEVELS)), LEVELS)[0]
        family = rng.choice(LONG if SIZES[level] == "long products" else FAMILIES)
        problem = replace(family(Draw(rng, level)), level=level)
        if evaluation is None or problem.held_out == evaluation:
            return problem
