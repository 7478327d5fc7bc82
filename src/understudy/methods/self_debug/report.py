"""Self-Debug's report: pass rates by turn, visible beside hidden, and what debugging was worth."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from understudy.charts import Chart
from understudy.charts.bars import Bars
from understudy.charts.lines import Lines
from understudy.registry import Account
from understudy.types import Example, Json, Rejection


def report(rows: Iterable[Example | Rejection]) -> Account:
    """Pass rates by turn, the gap between visible and hidden tests, why tasks stopped, how true the
    model's verdicts are, and debugging beside plain samples of the same cost."""
    trajectories = list(_read_trajectories(rows))
    if not trajectories:
        return Account("no programs")
    last = max(trajectory["n_turns"] for trajectory in trajectories)
    lines = [f"{'turn':>8} {'visible':>8} {'hidden':>8} {'tasks':>8}"]
    ends = [[_at(trajectory, turn) for trajectory in trajectories] for turn in range(last + 1)]
    rates = {tests: [_rate(at_turn, tests) for at_turn in ends] for tests in ("visible", "hidden")}
    for turn, (visible, hidden) in enumerate(zip(*rates.values(), strict=True)):
        going = sum(trajectory["n_turns"] >= turn for trajectory in trajectories)
        lines.append(f"{turn:>8} {_format_rate(visible):>8} {_format_rate(hidden):>8} {going:>8,}")
    stops = Counter(str(trajectory["stop"]) for trajectory in trajectories)
    lines += [
        *_report_gap(trajectories),
        _report_stops(stops),
        *_report_verdicts(trajectories),
        *_report_resampling(trajectories),
    ]
    bars = Bars("Why debugging stopped", dict(stops.most_common()), "tasks")
    return Account("\n".join(lines), (*_curves(rates, len(trajectories)), bars))


def _curves(rates: Mapping[str, Sequence[float | None]], n: int) -> tuple[Chart, ...]:
    """Of the tests whose outcome is known at every turn."""
    curves = {
        tests: complete
        for tests, by_turn in rates.items()
        if len(complete := [rate for rate in by_turn if rate is not None]) == len(by_turn) > 1
    }
    if not curves:
        return ()
    worth = "; ".join(
        f"{tests} tests pass for {line[0]:.1%} of the first programs and {line[-1]:.1%} of the last"
        for tests, line in curves.items()
    )
    lines = Lines(
        title="Pass rate by turn",
        x="turns of debugging",
        at=range(len(next(iter(curves.values())))),
        lines=curves,
        caption=f"{n:,} tasks: {worth}.",
    )
    return (lines,)


def _read_trajectories(rows: Iterable[Example | Rejection]) -> Iterable[Any]:
    """One per task: its rows stand together."""
    last = None
    for row in rows:
        trajectory = cast("Json | None", row.meta.get("trajectory"))
        if trajectory is not None and (last is None or trajectory != last):
            yield trajectory
        last = trajectory


def _at(trajectory: Any, turn: int) -> Json:
    """The program that stands after so many repairs."""
    return trajectory["turns"][min(turn, trajectory["n_turns"])]


def _rate(ends: Sequence[Json], tests: str) -> float | None:
    passes = [bool(end[tests]) for end in ends if end[tests] is not None]
    return sum(passes) / len(passes) if passes else None


def _format_rate(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.3f}"


def _report_gap(trajectories: Sequence[Any]) -> list[str]:
    """How much less is right than the visible tests show: what was fitted to them."""
    ends = [_at(trajectory, trajectory["n_turns"]) for trajectory in trajectories]
    both = [e for e in ends if e["visible"] is not None and e["hidden"] is not None]
    lines = list[str]()
    if both:
        visible, hidden = (sum(e[t] for e in both) / len(both) for t in ("visible", "hidden"))
        lines.append(
            f"visible {visible:.3f}, hidden {hidden:.3f}: gap {visible - hidden:+.3f} on {len(both):,} "
            "tasks"
        )
    special = [trajectory for trajectory in trajectories if trajectory["special_cased"]]
    if special:
        fail = sum(_at(t, t["n_turns"])["hidden"] is False for t in special)
        lines.append(
            f"repairs that name a visible input: {len(special):,}, of which {fail:,} fail hidden tests"
        )
    return lines


def _report_stops(stops: Counter[str]) -> str:
    return "stopped: " + ", ".join(f"{stop} {n:,}" for stop, n in stops.most_common())


def _report_verdicts(trajectories: Sequence[Any]) -> list[str]:
    verdicts = [
        (turn["verdict"] == "right", truth)
        for trajectory in trajectories
        for turn in trajectory["turns"]
        if turn.get("verdict")
        and (truth := turn["visible"] if turn["hidden"] is None else turn["hidden"]) is not None
    ]
    if not verdicts:
        return []
    true = sum(is_right == truth for is_right, truth in verdicts)
    return [f"verdicts: {true:,} of {len(verdicts):,} true ({true / len(verdicts):.1%})"]


def _report_resampling(trajectories: Sequence[Any]) -> list[str]:
    both = [
        (_at(t, t["n_turns"]), t["resample"], t["tokens"])
        for t in trajectories
        if t.get("resample") and t["resample"]["hidden"] is not None
    ]
    if not both:
        return []
    n = len(both)
    debugging = sum(bool(end["hidden"]) for end, _, _ in both) / n
    sampling = sum(bool(sample["hidden"]) for _, sample, _ in both) / n
    draws = sum(sample["draws"] for _, sample, _ in both) / n
    tokens = [sum(used for _, _, used in both), sum(sample["tokens"] for _, sample, _ in both)]
    estimated = " (estimated)" if any(t.get("tokens_estimated") for t in trajectories) else ""
    return [
        f"at the same cost, hidden tests of {n:,} tasks:",
        f"    debugging          {debugging:>6.3f} {tokens[0]:>9,} tokens{estimated}",
        f"    plain resampling   {sampling:>6.3f} {tokens[1]:>9,} tokens{estimated}, "
        f"{draws:.1f} draws a task",
    ]
