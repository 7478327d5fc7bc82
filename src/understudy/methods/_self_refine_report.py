"""What Self-Refine's report says and draws: what refining was worth, and what it cost."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple, cast

from understudy.charts import Chart
from understudy.charts.bars import Bars
from understudy.charts.lines import Lines
from understudy.registry import Account
from understudy.types import Example, Json, Rejection


class Refined(NamedTuple):
    """One task, as its `meta` tells it."""

    trace: list[Json]
    chosen: int
    stopped: str
    source: str
    calls: int
    """After the first answer."""
    tokens: int
    """The same."""
    gradable: bool
    """Whether it has no answer that could be graded."""

    @property
    def right(self) -> list[bool]:
        """Of each version, where it is known of all."""
        known = [version.get("right") for version in self.trace]
        return [] if None in known else [bool(right) for right in known]

    @property
    def standing(self) -> list[bool]:
        """After each round, whether the version that stands then is right."""
        stands = list[bool]()
        for version, right in zip(self.trace, self.right, strict=False):
            stands.append(right if version.get("accepted", True) else stands[-1])
        return stands


def report(made: Iterable[Example | Rejection]) -> Account:
    """Accuracy before, after and by round where it is known; flips; stops; what a gain has cost."""
    every = list(_tasks(made))
    tasks = [task for task in every if task.trace]
    if not tasks:
        return Account(f"{len(every):,} tasks without an answer" if every else "no versions")
    kept = sum(task.trace[0]["answer"] == task.trace[task.chosen]["answer"] for task in tasks)
    rewrites = sum(len(task.trace) - 1 for task in tasks) / len(tasks)
    stops = Counter(task.stopped for task in every)
    lines = [
        f"{len(tasks):,} tasks: {rewrites:.2f} rewrites per task; "
        f"{kept / len(tasks):.1%} keep their first answer",
        "stopped by: " + ", ".join(f"{why} {n:,}" for why, n in stops.most_common()),
    ]
    bars = Bars("Why refining stopped", dict(stops.most_common()), "tasks")
    if graded := [task for task in tasks if task.right]:
        # A task without any answer is wrong, not absent.
        n = len(graded) + sum(task.gradable for task in every)
        rounds = _by_round(graded, n)
        lines += [*_accuracy(graded, n), f"{'round':>8} {'accuracy':>10} {'any right':>10}"]
        lines += [
            f"{t:>8} {stands:>10.3f} {once:>10.3f}"
            for t, (stands, once) in enumerate(zip(*rounds.values(), strict=True))
        ]
        return Account("\n".join(lines), (*_curves(rounds, n, _oracle(graded)), bars))
    return Account("\n".join(lines), (bars,))


def _by_round(tasks: list[Refined], n: int) -> dict[str, list[float]]:
    """Of `n` tasks, how many stand right after each round, and how many were ever right by then."""
    rounds = range(max(len(task.trace) for task in tasks))
    return {
        "accuracy": [sum(task.standing[: t + 1][-1] for task in tasks) / n for t in rounds],
        "any right": [sum(any(task.right[: t + 1]) for task in tasks) / n for t in rounds],
    }


def _oracle(tasks: list[Refined]) -> str:
    named = any("oracle" in task.source for task in tasks)
    return "ORACLE: the reference decided whether to go on; no figure of the model alone" * named


def _curves(rounds: dict[str, list[float]], n: int, oracle: str) -> tuple[Chart, ...]:
    stands = rounds["accuracy"]
    if len(stands) < 2:
        return ()
    lines = Lines(
        title="Accuracy by round",
        x="rounds of refining",
        at=range(len(stands)),
        lines=rounds,
        caption=f"Of {n:,} tasks, the first answer is right for {stands[0]:.1%}, the one that stands "
        f"after the last round for {stands[-1]:.1%}: {100 * (stands[-1] - stands[0]):+.1f} points. "
        f"{oracle}".rstrip(),
    )
    return (lines,)


def _accuracy(tasks: list[Refined], n: int) -> list[str]:
    """Of `n` tasks; those that are not among `tasks` have no answer."""
    first = sum(task.right[0] for task in tasks)
    final = sum(task.right[task.chosen] for task in tasks)
    once = sum(any(task.right) for task in tasks)
    mended = sum(task.right[task.chosen] and not task.right[0] for task in tasks)
    spoilt = sum(task.right[0] and not task.right[task.chosen] for task in tasks)
    lines = [
        f"accuracy of {n:,} tasks: first {first / n:.3f}, final {final / n:.3f}, any right "
        f"{once / n:.3f} (what the published figures for GSM8K count)",
        f"wrong to right {mended:,}, right to wrong {spoilt:,}",
        _cost(tasks, mended - spoilt),
    ]
    return [oracle, *lines] if (oracle := _oracle(tasks)) else lines


def _cost(tasks: list[Refined], gain: int) -> str:
    calls = sum(task.calls for task in tasks)
    tokens = sum(task.tokens for task in tasks)
    each = (
        f"{calls / gain:,.1f} calls and {tokens / gain:,.0f} tokens per task gained"
        if gain > 0
        else "no task gained"
    )
    return f"after the first answers: {calls:,} calls, {tokens:,} tokens; {each}"


def _tasks(made: Iterable[Example | Rejection]) -> Iterator[Refined]:
    """Each task once, however many examples it gave; those that gave none as well."""
    last = None
    for row in made:
        # An accepted answer beyond those asked for is a rejection with its example.
        found = row.example or row if isinstance(row, Rejection) else row
        task = found.lineage[-1:] if isinstance(found, Example) else None
        if "stop_reason" not in found.meta or (task and task == last):
            continue
        last = task
        meta, cost = found.meta, cast("dict[str, int]", found.meta.get("cost", {}))
        trace = cast("list[Json]", meta["trace"])
        tested = meta["feedback_source"] == "tests"
        yield Refined(
            trace=trace,
            chosen=cast("int", meta.get("chosen", 0)),
            stopped=str(meta["stop_reason"]),
            source=str(meta["feedback_source"]),
            calls=cost.get("calls", 0) - cost.get("first_calls", 0),
            tokens=cost.get("tokens", 0) - cost.get("first_tokens", 0),
            gradable=not trace and (tested or meta.get("reference") is not None),
        )
