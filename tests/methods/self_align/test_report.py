"""The report of Self-Align."""

from align_bench import SELF, align, chat, run
from inline_snapshot import snapshot

from understudy.methods.self_align.report import report
from understudy.providers.scripted import Scripted
from understudy.types import Rejection


async def test_the_report_has_the_share_left_by_each_filter_and_the_use_of_principles() -> None:
    none = chat(relevant_principles=[], thought="Hm.")
    answers = [chat(relevant_principles=[2, 5]), none, chat()]
    bad = [chat("I'm sorry."), "no JSON", chat("The weather."), chat(f"{SELF} Yes.")]
    outcomes = [await run(Scripted([reply])) for reply in [*answers, *bad]]
    beyond = await align(Scripted([chat()]))
    outcomes.append(Rejection(reason="more than were asked for", example=beyond))
    assert report(outcomes) == snapshot("""\
answers                          8
readable                         7   87.5%
no refusal                       6   75.0%
long enough                      6   75.0%
thought kept apart               5   62.5%
free of exemplars                4   50.0%
refusals: 1 (12.5% of all answers)
principles: 1.00 per kept answer, 75.0% cite one
    informative                  3   75.0%
    reasoning                    1   25.0%\
""")
    assert report([]) == "no answers"
