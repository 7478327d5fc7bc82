"""A run folder's report.html."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from seen import Seen

import understudy
from understudy import open_run
from understudy.exports.export import export_all
from understudy.reports.page import EXAMPLES, POLICY, render_page
from understudy.runs.facts import collect
from understudy.runs.reader import Run
from understudy.types import Example, Task

NASTY = (
    "</style></pre></p><script>alert(1)</script><img src=x onerror=alert(2)>\"' onclick='x' --> ]]> "
    "\u202e\u2066 \x00\x1b[2J\x85 "
)
SCRIPT = f"""
from understudy.errors import BudgetExhausted, Rejected

NASTY = {NASTY!r}

def answer(call):
    return f"Thought {{call.draw}}. The answer is {{call.task[1:] if call.draw else 0}}."

def hostile(call):
    if call.task == "t1":
        raise Rejected("400: " + NASTY)
    return NASTY + "x" * 100_000 + " The answer is 7."

def refuses(call):
    raise Rejected("400: the same" if call.task != "t0" else "400: another")

def stops(call):
    if call.task == "t2":
        raise BudgetExhausted("no money left")
    return "The answer is 1."
"""


def run(model: str = "scripted:script.py:answer", n: int = 4, **changes: object) -> str:
    """The page as it was written at the end of the session."""
    Path("script.py").write_text(SCRIPT)
    recipe: dict[str, object] = {
        "seeds": [{"id": f"t{i}", "prompt": f"{i}?", "reference": str(i)} for i in range(n)],
        "models": {"teacher": model},
        "steps": [{"self_consistency": {"samples": 3, "shots": 0}}],
        "out": "out",
        "concurrency": 1,
        **changes,
    }
    understudy.run(**recipe)
    return Path(str(recipe["out"]), "report.html").read_text()


def section(html: str, title: str) -> str:
    """The words of a section; empty where there is none."""
    found = re.search(rf"<section>\n<h2>{title}</h2>(.*?)</section>", html, re.DOTALL)
    return Seen(found[1]).words if found else ""


# What it says


def test_the_curve_and_the_table_are_of_the_same_figures() -> None:
    html = run()
    said = section(html, "self_consistency")
    assert "one path answers 75.0% right, the vote of 3 paths (maj@k) 100.0%: +25.0 points" in said
    assert "3 1.000 1.000 4" in said  # the table's last line
    assert {"maj@k 1.000", "pass@k 1.000"} <= set(re.findall(r">([a-z@]+ [\d.]+)</text>", html))


def test_without_references_there_is_text_and_the_chart_of_shares_alone() -> None:
    html = run(seeds=[{"prompt": "?"}])
    assert html.count("<svg") == 1
    assert "votes of 1 tasks" in section(html, "self_consistency")


def test_it_tells_recipe_papers_models_counts_and_versions() -> None:
    html = run(steps=[{"self_consistency": {"samples": 3}}, {"length": {"max_characters": 9}}])
    assert '<a href="https://arxiv.org/abs/2203.11171" rel="noreferrer">' in html
    assert "samples: 3" in section(html, "What was done")
    assert "understudy 0." in section(html, "What was done")
    assert "self_consistency teacher script.py:answer scripted 4 0" in section(
        html, "Models and cost"
    )
    assert "length 0 4 0 4 rejected: answer too long" in section(html, "Counts and reasons")
    assert "None: length has made none" in section(html, "Examples")


def test_failures_are_told_once_each_with_how_often() -> None:
    html = run("scripted:script.py:refuses")
    assert section(html, "Failures") == (
        "self_consistency/t1 (and 2 more): Rejected: 400: the same "
        "self_consistency/t0: Rejected: 400: another"
    )
    assert section(run(out="well"), "Failures") == ""


def test_examples_are_conversations_with_what_is_known_of_them() -> None:
    text = section(run(n=40), "Examples")
    assert [int(n) for n in re.findall(r"t(\d+) user", text)] == [0, 8, 16, 24, 32]
    assert "user 8? assistant Thought 1. The answer is 8." in text
    assert "reference 8 share 0.6667" in text


def test_the_built_in_model_is_called_what_it_is() -> None:
    warning = "None of its figures is a research result"
    assert warning in run("pocket", steps=[{"self_consistency": {"samples": 1, "shots": 0}}])
    assert warning not in run(out="other")


def test_an_unfinished_run_says_so_until_it_is_finished() -> None:
    assert "Not finished." in run("scripted:script.py:stops")
    Path("script.py").write_text(SCRIPT.replace('call.task == "t2"', "False"))
    understudy.run(**open_run("out").recipe.model_dump(exclude_defaults=True))
    assert "Not finished." not in Path("out/report.html").read_text()


def test_a_run_that_was_killed_is_told_as_unfinished() -> None:
    run()
    with closing(sqlite3.connect("out/journal.db")) as journal, journal:
        journal.execute("update attempts set ended = null, status = null")
    opened = open_run("out")
    assert "is still running, or was killed" in render_page(opened, collect(opened))


def test_a_report_that_raises_is_said_and_the_exports_are_written() -> None:
    Path("mine.py").write_text(MINE)
    html = run(steps=["./mine.py:broken"])
    assert "the report of broken failed: KeyError: &#x27;no such figure&#x27;" in html
    assert len(Path("out/data/train.jsonl").read_text().splitlines()) == 4


def test_a_chart_that_cannot_be_drawn_is_said_beside_the_text() -> None:
    Path("mine.py").write_text(MINE)
    words = section(run(steps=["./mine.py:unseen"]), "unseen")
    assert "the chart could not be drawn: ZeroDivisionError: division by zero (" in words
    assert words.endswith("the text")


def test_a_method_may_report_text_alone_or_nothing() -> None:
    Path("mine.py").write_text(MINE)
    html = run(steps=["./mine.py:told", "./mine.py:quiet"])
    assert section(html, "told") == "4 rows"
    assert section(html, "quiet") == ""


MINE = """
from understudy import Example, Task, method
from understudy.registry import Account

def fails(rows):
    raise KeyError("no such figure")

class Pie:
    title = "Pie"
    caption = ""
    def draw(self):
        return str(1 / 0)

@method(paper="arXiv:0000.00000", report=fails)
async def broken(task: Task) -> Example:
    return task.example("!")

@method(paper="arXiv:0000.00000", report=lambda rows: Account("the text", (Pie(),)))
async def unseen(task: Task) -> Example:
    return task.example("!")

@method(paper="arXiv:0000.00000", report=lambda made: f"{sum(1 for _ in made)} rows")
async def told(task: Task) -> Example:
    return task.example("!")

@method(paper="arXiv:0000.00000")
async def quiet(task: Task) -> Example:
    return task.example("!")
"""


# What it never does


def harmless(html: str) -> None:
    """Only elements of ours, no attribute that acts, nothing that is loaded."""
    seen = Seen(html)
    assert {tag for tag, _ in seen.elements}.isdisjoint(
        {"script", "img", "link", "iframe", "object", "embed", "form", "base", "b"}
    )
    for tag, attributes in seen.elements:
        assert not [name for name in attributes if name.startswith("on")], tag
        assert not {"src", "srcset", "action", "style", "ping"} & set(attributes), tag
        assert tag == "a" or not {"href", "xlink:href"} & set(attributes), tag
    assert all(
        (attributes["href"] or "").startswith("https://arxiv.org/abs/")
        for tag, attributes in seen.elements
        if tag == "a"
    )
    style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert style
    assert "url(" not in style[1]
    assert "@import" not in style[1]
    assert html.count("<style") == html.count("</style") == 1
    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", html
    )


def test_the_policy_is_the_second_line_and_forbids_all_but_style() -> None:
    lines = (run()).splitlines()
    assert lines[0].startswith("<!doctype html>")
    assert lines[1] == f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    assert POLICY == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_nothing_of_a_run_can_act_or_hide() -> None:
    html = run(
        "scripted:script.py:hostile",
        seeds=[
            {"id": f"t{i}", "prompt": NASTY, "reference": NASTY, "meta": {NASTY: [NASTY]}}
            for i in range(3)
        ],
        out=f"out/{NASTY[:60].replace('/', '|').split(chr(0))[0]}",
        steps=[{"self_consistency": {"samples": 2, "shots": 0}, "label": "<u>s</u>"}],
    )
    harmless(html)
    assert "&lt;script&gt;alert(1)" in html
    assert "⟨U+202E⟩" in html


class Stocked(Run):
    """A run whose examples are a test's own."""

    own: list[Example]

    def sample(self, step: str, most: int) -> list[Example]:
        return self.own[:most]


def test_hostile_and_endless_examples_stay_small_and_harmless() -> None:
    run()
    opened = Stocked(Path("out"))
    big = NASTY + "\ud800" + "y" * 1_000_000
    message = Task(prompt=big).example(big).messages[0]
    example = Example(
        id=big, messages=(message,) * 500, rejected=(message,) * 500, reference=big,
        scores={f"{i}{big}": 0.5 for i in range(2)},
        meta={f"{i}{big[:5000]}": [big[:5000]] * 20 for i in range(500)},
    )  # fmt: skip
    opened.own = [example] * 50
    html = render_page(opened, collect(opened))
    harmless(html)
    assert html.encode()
    assert len(html) < 200_000
    assert html.count("<article>") == EXAMPLES
    assert "492 more turns" in html


def test_the_page_of_a_large_run_is_of_its_oldest_rows_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("understudy.reports.page.ROWS", 3)
    said = section(run(n=10), "self_consistency")
    assert said.startswith("Of the 3 oldest of 10 rows; understudy show takes all.")
    assert "votes of 3 tasks" in said


def test_hundreds_of_reasons_are_counted_together() -> None:
    Path("picky.py").write_text("""
from understudy import Rejection, Task, method

@method(paper="arXiv:0000.00000")
async def picky(task: Task) -> Rejection:
    return Rejection(reason=f"<{int(task.id[1:]) // 2}>" if task.id != "t0" else "dull")
""")
    html = run(n=300, steps=["./picky.py:picky"])
    counted = section(html, "Counts and reasons")
    assert counted.startswith("step examples rejected failed picky 0 300 0 2 rejected: <100> ")
    assert counted.endswith("280 more, for 141 other reasons; understudy show lists them")


def test_keys_never_appear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-very-secret")
    html = run(models={"teacher": {"model": "scripted:script.py:answer", "key_env": "MY_KEY"}})
    assert "sk-very-secret" not in html


# When it is written


def test_it_is_there_whole_or_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    before = run()

    def broken(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("understudy.exports.export.render_page", broken)
    with pytest.raises(KeyboardInterrupt):
        export_all(open_run("out"), again=True)
    assert Path("out/report.html").read_text() == before


def test_a_finished_run_is_not_written_again_but_on_demand() -> None:
    html = run()
    Path("out/report.html").unlink()
    assert export_all(open_run("out")) == []
    assert Path("out/report.html") in export_all(open_run("out"), again=True)
    assert Path("out/report.html").read_text() == html


@pytest.mark.parametrize(
    "change", ["update totals set sent = sent + 1", "update attempts set status = 'stopped'"]
)
def test_it_is_written_again_after_calls_that_made_no_row_and_after_another_end(
    change: str,
) -> None:
    before = run()
    with closing(sqlite3.connect("out/journal.db")) as journal, journal:
        journal.execute(change)
    assert export_all(open_run("out"))
    assert Path("out/report.html").read_text() != before
