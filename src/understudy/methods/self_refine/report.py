"""Self-Refine's report: what refining was worth, and what it cost."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple, cast

from understudy.charts import Chart
from understudy.charts.bars import Bars
from understudy.charts.lines import Lines
from understudy.registry import Account
from understudy.types import Example, Json, Rejection


class TaskTrace(NamedTuple):
    """One task, as its `meta` has it."""

    trace: list[Json]
    chosen: int
    stop: str
    source: str
    calls: int
    """After the first answer."""
    tokens: int
    """After the first answer."""
    unanswered: bool
    """Whether there is a reference or a test, but no answer."""

    @property
    def right(self) -> list[bool]:
        """Of each version, where it is known of all."""
        verdicts = [version.get("right") for version in self.trace]
        return [] if None in verdicts else [bool(right) for right in verdicts]

    @property
    def standing(self) -> list[bool]:
        """After each round, whether the version that stands then is right."""
        stands = list[bool]()
        for version, right in zip(self.trace, self.right, strict=False):
            stands.append(right if version.get("accepted", True) else stands[-1])
        return stands


def report(rows: Iterable[Example | Rejection]) -> Account:
    """Accuracy before, after and by round where it is known; flips; stops; what a gain cost."""
    every = list(_tasks(rows))
    tasks = [task for task in every if task.trace]
    if not tasks:
        return Account(f"{len(every):,} tasks without an answer" if every else "no versions")
    unchanged = sum(task.trace[0]["answer"] == task.trace[task.chosen]["answer"] for task in tasks)
    rewrites = sum(len(task.trace) - 1 for task in tasks) / len(tasks)
    stops = Counter(task.stop for task in every)
    lines = [
        f"{len(tasks):,} tasks: {rewrites:.2f} rewrites per task; "
        f"{unchanged / len(tasks):.1%} keep their first answer",
        "stopped by: " + ", ".join(f"{why} {n:,}" for why, n in stops.most_common()),
    ]
    bars = Bars("Why refining stopped", dict(stops.most_common()), "tasks")
    if gradable := [task for task in tasks if task.right]:
        # A task without any answer is wrong, not absent.
        n = len(gradable) + sum(task.unanswered for task in every)
        rounds = _by_round(gradable, n)
        lines += [*_accuracy(gradable, n), f"{'round':>8} {'accuracy':>10} {'any right':>10}"]
        lines += [
            f"{t:>8} {stands:>10.3f} {once:>10.3f}"
            for t, (stands, once) in enumerate(zip(*rounds.values(), strict=True))
        ]
        return Account("\n".join(lines), (*_curves(rounds, n, _oracle(gradable)), bars))
    return Account("\n".join(lines), (bars,))


def _by_round(tasks: list[TaskTrace], n: int) -> dict[str, list[float]]:
    """Of `n` tasks, how many stand right after each round, and how many were ever right by then."""
    rounds = range(max(len(task.trace) for task in tasks))
    return {
        "accuracy": [sum(task.standing[: t + 1][-1] for task in tasks) / n for t in rounds],
        "any right": [sum(any(task.right[: t + 1]) for task in tasks) / n for t in rounds],
    }


def _oracle(tasks: list[TaskTrace]) -> str:
    if not any("oracle" in task.source for task in tasks):
        return ""
    return "ORACLE: the reference decided whether to go on; no figure of the model alone"


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


def _accuracy(tasks: list[TaskTrace], n: int) -> list[str]:
    """Of `n` tasks. Those that are not in `tasks` have no answer."""
    first = sum(task.right[0] for task in tasks)
    final = sum(task.right[task.chosen] for task in tasks)
    once = sum(any(task.right) for task in tasks)
    gains = sum(task.right[task.chosen] and not task.right[0] for task in tasks)
    losses = sum(task.right[0] and not task.right[task.chosen] for task in tasks)
    lines = [
        f"accuracy of {n:,} tasks: first {first / n:.3f}, final {final / n:.3f}, any right "
        f"{once / n:.3f} (what the published figures for GSM8K count)",
        f"wrong to right {gains:,}, right to wrong {losses:,}",
        _cost(tasks, gains - losses),
    ]
    return [oracle, *lines] if (oracle := _oracle(tasks)) else lines


def _cost(tasks: list[TaskTrace], gain: int) -> str:
    calls = sum(task.calls for task in tasks)
    tokens = sum(task.tokens for task in tasks)
    each = (
        f"{calls / gain:,.1f} calls and {tokens / gain:,.0f} tokens per task gained"
        if gain > 0
        else "no task gained"
    )
    return f"after the first answers: {calls:,} calls, {tokens:,} tokens; {each}"


def _tasks(rows: Iterable[Example | Rejection]) -> Iterator[TaskTrace]:
    """Each task once, however many examples it gave, and those that gave none too."""
    last = None
    for row in rows:
        # An accepted answer beyond those that were asked for is a rejection with its example.
        result = row.example or row if isinstance(row, Rejection) else row
        task = result.lineage[-1:] if isinstance(result, Example) else None
        if "stop_reason" not in result.meta or (task and task == last):
            continue
        last = task
        meta, cost = result.meta, cast("dict[str, int]", result.meta.get("cost", {}))
        trace = cast("list[Json]", meta["trace"])
        has_tests = meta["feedback_source"] == "tests"
        yield TaskTrace(
            trace=trace,
            chosen=cast("int", meta.get("chosen", 0)),
            stop=str(meta["stop_reason"]),
            source=str(meta["feedback_source"]),
            calls=cost.get("calls", 0) - cost.get("first_calls", 0),
            tokens=cost.get("tokens", 0) - cost.get("first_tokens", 0),
            unanswered=not trace and (has_tests or meta.get("reference") is not None),
        )
