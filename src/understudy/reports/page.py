"""A run folder's `report.html`: a summary for people who did not make the run.

One file that loads nothing and runs nothing. All text of a run is escaped (`data/escape.py`), and a
policy in the page itself forbids whatever could get through. Its size is bounded: it shows the
beginnings of texts, the most frequent of many reasons, a few examples, and of large runs the figures
of the oldest rows.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from understudy.charts import Chart
from understudy.data.escape import escape
from understudy.reports.account import draw, give_account
from understudy.reports.text import group_failures, list_attempts, list_programs
from understudy.runs.facts import RunFacts, StepFacts
from understudy.runs.reader import Run
from understudy.types import Example, Message

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
STYLE = Path(__file__).with_name("page.css")

EXAMPLES, TURNS, FACTS, REASONS, CHARTS = 5, 8, 16, 10, 8
"""Most examples, turns of one, lines of what is known of one, reasons and charts of a step."""
NAME, LINE, TEXT, REPORT = 60, 300, 1_500, 8_000
"""Most characters of a name, a line, a turn or the recipe, and a method's own report."""
ROWS = 20_000
"""Most rows of a step that its method's figures are made of, and most failures that are read."""


def render_page(run: Run, facts: RunFacts) -> str:
    """The page, of what there is so far. The same run gives the same page."""
    steps = [_step(facts.step(label)) for label in run.labels]
    parts = (
        '<!doctype html><html lang="en">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{escape(facts.name, NAME)}: a run of Understudy</title>",
        f"<style>\n{STYLE.read_text(encoding='utf-8')}</style>",
        f"<main>\n{_opening(run, facts)}",
        _figures(facts),
        *(part for label in run.labels for part in _results(run, facts.step(label))),
        _section("Counts and reasons", _counts(facts)),
        _section("Models and cost", _models(facts)),
        _section("Failures", _failures(run)),
        _section("What was done", f"<ol>{''.join(steps)}</ol>\n{_recipe(facts)}"),
        _section("Examples", _examples(run)),
        f"<footer>{_lines(list_attempts(facts.attempts))}</footer>\n</main>",
    )
    return "\n".join(part for part in parts if part) + "\n"


def _opening(run: Run, facts: RunFacts) -> str:
    """What the run is, whether it is complete, and a warning about built-in models."""
    steps = ", ".join(f"<code>{escape(label, NAME)}</code>" for label in run.labels[:FACTS])
    parts = [
        f"<h1>{escape(facts.name, NAME)}</h1>",
        f"<p>{facts.examples:,} examples, made by {steps} on {escape(facts.date)}. "
        f"Seeds: <code>{escape(facts.seeds, NAME)}</code>.</p>",
    ]
    if (status := facts.status) != "done":
        how = f"ended as <em>{escape(status)}</em>" if status else "is still running, or was killed"
        parts.append(
            f'<p class="note"><strong>Not finished.</strong> The last attempt {how}: all figures are '
            "those so far. The same command continues the run.</p>"
        )
    if builtin := {model.model for model in facts.models if model.builtin}:
        names = " and ".join(f"<code>{escape(name)}</code>" for name in sorted(builtin))
        parts.append(
            f'<p class="note">Made with {names}, built in: a tiny model for demonstrations and tests. '
            "None of its figures is a research result.</p>"
        )
    return "\n".join(parts)


def _figures(facts: RunFacts) -> str:
    figures = {
        "examples": f"{facts.examples:,}",
        "rejected": f"{facts.rejected:,}",
        "failed": f"{facts.failed:,}",
        "calls": f"{facts.calls:,}",
        "tokens in": f"{facts.tokens_in:,}",
        "tokens out": f"{facts.tokens_out:,}",
        "cost": str(facts.cost),
    }
    pairs = (f"<div><dt>{name}</dt><dd>{n}</dd></div>" for name, n in figures.items())
    return f'<dl class="figures">{"".join(pairs)}</dl>'


def _results(run: Run, step: StepFacts) -> Iterator[str]:
    """What the step's method says of its rows: the charts, then the text."""
    account = give_account(run, step.label, ROWS)
    if account is None:
        return
    rows = step.examples + step.rejected
    few = f"<p>Of the {ROWS:,} oldest of {rows:,} rows; <code>understudy show</code> takes all.</p>"
    text = f"<pre>{escape(account.text, REPORT)}</pre>"
    parts = (few if rows > ROWS else "", *map(_chart, account.charts[:CHARTS]), text)
    yield _section(step.label, "\n".join(part for part in parts if part))


def _chart(chart: Chart) -> str:
    caption = f" {escape(chart.caption, TEXT)}" if chart.caption else ""
    title = f"<strong>{escape(chart.title, LINE)}.</strong>"
    return f"<figure><figcaption>{title}{caption}</figcaption>\n{draw(chart)}</figure>"


def _counts(facts: RunFacts) -> str:
    rows = list[str]()
    for step in facts.steps:
        numbers = (step.examples, step.rejected, step.failed)
        cells = "".join(f'<td class="n">{n:,}</td>' for n in numbers)
        rows.append(f"<tr><td>{escape(step.label, NAME)}</td>{cells}</tr>")
        lines = [
            f"{reason.n:,} {_HOW[reason.kind]}: {escape(reason.text or 'no reason given', LINE)}"
            for reason in step.reasons[:REASONS]
        ]
        if rest := step.reasons[REASONS:]:
            lines.append(
                f"{sum(reason.n for reason in rest):,} more, for {len(rest):,} other reasons; "
                "<code>understudy show</code> lists them"
            )
        rows += [f'<tr class="why"><td colspan="4">{line}</td></tr>' for line in lines]
    return _table(("step", "examples", "rejected", "failed"), rows, words=1)


_HOW = {"rejection": "rejected", "failure": "failed"}


def _models(facts: RunFacts) -> str:
    rows = list[str]()
    for use in facts.uses:
        unlike = use.endpoint not in ("", use.model)
        at = f" <small>{escape(use.endpoint, LINE)}</small>" if unlike else ""
        numbers = (use.calls, use.reused, use.tokens_in, use.tokens_out)
        cells = "".join(f'<td class="n">{n:,}</td>' for n in numbers)
        rows.append(
            f"<tr><td>{escape(use.step, NAME)}</td><td>{escape(use.role, NAME)}</td>"
            f"<td>{escape(use.model, NAME)}{at}</td>{cells}"
            f'<td class="n">{escape(str(use.cost))}</td></tr>'
        )
    header = ("step", "role", "model", "calls", "reused", "tokens in", "tokens out", "cost")
    table = _table(header, rows[:50], words=3) if rows else "<p>No model was called.</p>"
    return table + _lines(list_programs(facts.programs))


def _failures(run: Run) -> str:
    messages = group_failures(islice(run.failures(), ROWS))
    items = "".join(f"<li>{escape(message, LINE)}</li>" for message in messages)
    return f"<ul>{items}</ul>" if items else ""


def _step(step: StepFacts) -> str:
    about = f" {escape(step.about, LINE)}" if step.about else ""
    paper = f" {escape(step.paper, LINE)}"
    if match := re.fullmatch(r"arXiv:(\d{4}\.\d{4,5})", step.paper):
        paper = f' <a href="https://arxiv.org/abs/{match[1]}" rel="noreferrer">{step.paper}</a>'
    return f"<li><code>{escape(step.label, NAME)}</code>{about}{paper.rstrip()}</li>"


def _recipe(facts: RunFacts) -> str:
    versions = ", ".join(f"{name} {at}" for name, at in facts.versions.items())
    return (
        f"<pre>{escape(facts.recipe.strip(), TEXT)}</pre>\n<small>{escape(versions, LINE)}</small>"
    )


def _examples(run: Run) -> str:
    step = run.labels[-1]
    examples = run.sample(step, EXAMPLES)
    if not examples:
        return f"<p>None: <code>{escape(step, NAME)}</code> has made none.</p>"
    return "\n".join(map(_example, examples))


def _example(example: Example) -> str:
    turns = [_turn(message.role, message) for message in example.messages[:TURNS]]
    if rest := len(example.messages) - TURNS:
        turns += [f"<p>{rest:,} more turns</p>"] if rest > 0 else []
    turns += [_turn(f"{message.role}, rejected", message) for message in example.rejected[:2]]
    fields: list[tuple[str, Any]] = [*example.scores.items(), *example.meta.items()]
    if example.reference is not None:
        fields.insert(0, ("reference", example.reference))
    facts = "".join(
        f"<dt>{escape(name, NAME)}</dt><dd>{escape(_plain(value), LINE)}</dd>"
        for name, value in fields[:FACTS]
    )
    more = f"<p>{len(fields) - FACTS:,} more fields</p>" if len(fields) > FACTS else ""
    body = "\n".join([*turns, f'<dl class="meta">{facts}</dl>' if facts else "", more])
    return f"<article>\n<h3>{escape(example.id, LINE)}</h3>\n{body}</article>"


def _turn(role: str, message: Message) -> str:
    extras = [f"[{type(part).__name__.lower()}]" for part in message.media]
    extras += [f"{call.name}({call.arguments[:LINE]})" for call in message.tool_calls[:TURNS]]
    text = "\n".join([*([message.text] if message.text else []), *extras])
    return f'<div class="turn"><h4>{escape(role)}</h4><p dir="auto">{escape(text, TEXT)}</p></div>'


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _section(title: str, body: str) -> str:
    return f"<section>\n<h2>{escape(title, NAME)}</h2>\n{body}</section>" if body else ""


def _lines(text: str) -> str:
    return "".join(f"<p>{escape(line, LINE)}</p>" for line in text.splitlines())


def _table(header: Sequence[str], rows: Iterable[str], words: int) -> str:
    """`rows` are HTML; the first columns, `words` of them, hold words, the others numbers."""
    cells = "".join(
        f'<th scope="col"{" class=n" if i >= words else ""}>{name}</th>'
        for i, name in enumerate(header)
    )
    return f'<div class="wide"><table><tr>{cells}</tr>\n{chr(10).join(rows)}</table></div>'
