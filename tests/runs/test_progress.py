"""Where a run stands: counts, rates over half a minute, and what is left."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from understudy.call.limits import Endpoint
from understudy.call.stack import Tally
from understudy.journal.read import Row
from understudy.journal.write import SqliteJournal
from understudy.runs.progress import WINDOW, Meter, Progress
from understudy.runs.quota import Quota


class Time:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def row(kind: Any, reason: str = "", step: str = "last") -> Row:
    return Row(step, "t", 0, kind, reason, b"", b"{}")


def counted(*rows: Row) -> Progress:
    progress = Progress()
    progress.count(rows)
    return progress


def test_rows_are_counted_by_step_kind_and_reason() -> None:
    progress = counted(
        row("example", step="first"), row("example"), row("example"),
        row("rejection", "short"), row("rejection", "long"), row("failure", "Rejected"),
        row("rejection", "short", step="first"),
    )  # fmt: skip
    assert progress.of("last", "example") == 2
    assert progress.of("first", "example") == 1
    assert progress.of("nowhere", "example") == 0
    assert progress.reasons("rejection") == Counter({"short": 2, "long": 1})
    assert progress.reasons("failure") == Counter({"Rejected": 1})


async def test_a_resumed_run_goes_on_counting_but_for_failures(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.db")
    rows = [
        Row("last", f"t{i}", 0, kind, reason, b"", b"{}")
        for i, (kind, reason) in enumerate(
            [("example", ""), ("example", ""), ("rejection", "short"), ("failure", "Rejected")]
        )
    ]
    await journal.finish(rows)
    tally = Tally(sent=3)
    progress = Progress.of_records(journal.records, Quota(10), tally, 7, "last")
    await journal.close("stopped")
    assert (progress.quota.accepted, progress.quota.rejected, progress.seeds) == (2, 1, 7)
    assert (progress.of("last", "failure"), progress.tally) == (0, tally)
    assert progress.reasons("rejection") == Counter({"short": 1})


@pytest.mark.parametrize(
    ("quota", "seeds", "under_way", "left"),
    [
        (Quota(10, accepted=4), 100, 9, 6),  # with n, examples; whatever else is known
        (Quota(10, accepted=4), None, 9, 6),
        (Quota(seeds=30), 100, 9, 79),  # started but not yet written counts as left
        (Quota(seeds=30), None, 9, None),
        (Quota(max_seeds=50, seeds=30), 100, 9, 29),
        (Quota(max_seeds=50, seeds=30), 40, 0, 10),
        (Quota(seeds=100), 90, 0, 0),  # a file that has shrunk
    ],
)
def test_what_is_left_is_examples_where_n_are_asked_for_and_seeds_else(
    quota: Quota, seeds: int | None, under_way: int, left: int | None
) -> None:
    assert Progress(quota, seeds=seeds, under_way=under_way).left == left


def test_speeds_are_differences_over_the_time_that_has_passed() -> None:
    clock, progress = Time(), Progress(seeds=1_000)
    meter = Meter(progress, [], clock)
    clock.now += 10
    progress.tally = Tally(sent=20, tokens_in=300, tokens_out=200, cost=1.25)
    progress.quota.seeds, progress.under_way = 110, 10
    assert meter.speeds() == ["2.0 calls/s", "50 tokens/s", "cost $1.2500", "1:30 left"]


def test_speeds_are_averaged_over_the_window_and_not_over_the_whole_run() -> None:
    clock, progress = Time(), Progress()
    meter = Meter(progress, [], clock)
    for second in range(1, 101):
        clock.now += 1
        progress.tally.sent += 1 if second <= 50 else 10
        speed, *_ = meter.speeds()
    assert speed == "10.0 calls/s"
    assert WINDOW < 50


def test_a_meter_that_is_read_rarely_takes_the_time_since_the_last_reading() -> None:
    clock, progress = Time(), Progress()
    meter = Meter(progress, [], clock)
    for sent in (60, 120, 720):
        clock.now += 60
        progress.tally.sent = sent
        speed, *_ = meter.speeds()
    assert speed == "10.0 calls/s"


def test_the_window_is_half_a_minute_and_reaches_back_to_its_beginning() -> None:
    assert WINDOW == 30.0
    clock, progress = Time(), Progress()
    meter = Meter(progress, [], clock)
    for sent, wait in ((300, 1), (300, 30), (330, 0)):
        clock.now += wait
        progress.tally.sent = sent
        speed, *_ = meter.speeds()
    assert speed == "1.0 calls/s", "the burst before the window counts no more"


def test_rates_of_less_than_a_second_are_per_second() -> None:
    clock, progress = Time(), Progress()
    meter = Meter(progress, [], clock)
    clock.now += 0.5
    progress.tally.sent = 10
    assert meter.speeds()[0] == "20.0 calls/s"


def test_seeds_that_had_come_through_before_the_first_reading_say_nothing_about_speed() -> None:
    clock, progress = Time(), Progress(Quota(seeds=100), seeds=200)
    meter = Meter(progress, [], clock)
    clock.now += 10
    progress.quota.seeds = 110
    assert meter.speeds()[-1] == "1:30 left"


def test_with_n_the_time_left_is_that_of_the_examples_that_are_missing() -> None:
    clock, progress = Time(), Progress(Quota(100, accepted=40))
    meter = Meter(progress, [], clock)
    clock.now += 10
    progress.quota.accepted, progress.quota.seeds = 50, 500
    assert meter.speeds()[-1] == "0:50 left"


def test_seeds_that_an_earlier_attempt_had_finished_say_nothing_about_speed() -> None:
    clock, progress = Time(), Progress(seeds=2_000)
    meter = Meter(progress, [], clock)
    clock.now += 10
    progress.skipped, progress.quota.seeds = 1_000, 1_100
    assert meter.speeds()[-1] == "1:30 left"


def test_no_time_is_told_where_nothing_is_known() -> None:
    clock, progress = Time(), Progress()
    meter = Meter(progress, [], clock)
    clock.now += 10
    progress.quota.seeds = 100
    assert meter.speeds() == ["0.0 calls/s", "0 tokens/s", "cost $0.0000"]
    progress.seeds, progress.quota.seeds = 200, 0
    assert len(meter.speeds()) == 3, "nothing has come through yet"


@pytest.mark.parametrize(
    ("seconds", "text"), [(59, "0:59 left"), (61, "1:01 left"), (3_661, "1 h 01 min left")]
)
def test_long_times_are_told_in_hours(seconds: int, text: str) -> None:
    clock, progress = Time(), Progress(seeds=seconds + 1)
    meter = Meter(progress, [], clock)
    clock.now += 1
    progress.quota.seeds = 1
    assert meter.speeds()[-1] == text


def test_an_unknown_price_is_not_shown_as_a_cost() -> None:
    meter = Meter(Progress(tally=Tally(cost=1.0, unpriced=1)), [], Time())
    assert "cost unknown" in meter.speeds()


def test_the_line_names_what_there_is_and_what_is_under_way() -> None:
    progress = counted(row("rejection", "short"), row("failure", "Rejected"))
    progress.quota.accepted, progress.under_way = 1_234, 5
    line = Meter(progress, [], Time()).line()
    assert line.startswith("1,234 accepted · 1 rejected · 1 failed · 5 under way · 0.0 calls/s")
    assert Meter(Progress(), [], Time()).line().startswith("0 under way")


def test_the_most_frequent_reasons_are_named() -> None:
    rows = [row("rejection", f"r{i}") for i in range(6) for _ in range(6 - i)]
    meter = Meter(counted(*rows, row("failure", "Rejected")), [], Time())
    assert meter.counts() == [
        ("accepted", 0, ""),
        ("rejected", 21, "r0 6, r1 5, r2 4, r3 3"),
        ("failed", 1, "Rejected 1"),
    ]


async def test_calls_under_way_are_told_by_endpoint() -> None:
    a, b = Endpoint("a", start=16), Endpoint("b", start=4)
    await a.enter()
    assert Meter(Progress(), [a, b], Time()).limits() == ("1 of 16 calls to a, 0 of 4 calls to b")
