"""What Self-Debug's report says and draws."""

# ruff: noqa: E501 -- prompts and messages stand here as they are printed

from debug_bench import NO, RIGHT, SPEC, TASK, VISIBLE, WORSE, WRONG, YES, code, priced, run
from inline_snapshot import snapshot

from understudy.charts.bars import Bars
from understudy.charts.lines import Lines
from understudy.methods.self_debug.report import report
from understudy.providers.scripted import Scripted
from understudy.types import Rejection, Task


async def test_the_report_has_rates_by_turn_the_gap_verdicts_and_the_comparison() -> None:
    example = [
        *await run(Scripted([priced(RIGHT, 10), priced(RIGHT, 12)]), resample=True),
        *await run(
            Scripted([priced(WRONG, 10), priced(RIGHT, 10), *[priced(WORSE, 10)] * 2]),
            Task(id="u", prompt=SPEC, tests=TASK.tests), resample=True,
            keep=["solution", "repair"],
        ),
        *await run(Scripted(code(WRONG, WORSE, WRONG)), Task(id="v", prompt=SPEC, tests=(VISIBLE,)),
                   stop_on_repeat=True),
        *await run(Scripted([*code(WRONG), NO, *code(RIGHT), YES]), Task(id="w", prompt=SPEC, tests=(VISIBLE,)), execute=False),
    ]  # fmt: skip
    assert report(example).text == snapshot("""\
    turn  visible   hidden    tasks
       0    0.250    0.250        4
       1    0.750    0.750        3
       2    0.750    0.750        1
visible 0.750, hidden 0.750: gap +0.000 on 4 tasks
stopped: visible_pass 2, repeat 1, model_says_correct 1
verdicts: 2 of 2 true (100.0%)
at the same cost, hidden tests of 2 tasks:
    debugging           1.000        30 tokens
    plain resampling    0.500        32 tokens, 1.5 draws a task\
""")
    chart, stops = report(example).charts
    assert isinstance(chart, Lines)
    assert chart.lines == {"visible": [0.25, 0.75, 0.75], "hidden": [0.25, 0.75, 0.75]}
    assert chart.caption == snapshot(
        "4 tasks: visible tests pass for 25.0% of the first programs and 75.0% of the last; hidden tests pass for 25.0% of the first programs and 75.0% of the last."
    )
    assert isinstance(stops, Bars)
    assert stops.bars == {"visible_pass": 2, "repeat": 1, "model_says_correct": 1}
    assert len(report(example[:1]).charts) == 1, "one turn is no curve"
    assert report([]).text == "no programs"
    assert report([Rejection(reason="no database")]).text == "no programs"
