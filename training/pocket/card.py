"""The evaluation card: `card.json` beside the weights and the page `docs/pocket_card.md`."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open

Figures = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """One figure the pocket model is tuned for."""

    name: str
    value: Callable[[Figures], float]
    low: float
    high: float = float("inf")

    def row(self, figures: Figures) -> dict[str, object]:
        value = self.value(figures)
        is_met = self.low <= value <= self.high
        return {"target": self.name, "value": round(value, 4), "met": is_met}


def vote_gain(f: Figures) -> float:
    majority = f["teacher"]["votes"]["majority"]
    return majority[max(majority, key=int)] - f["teacher"]["votes"]["single"]


def p_true(variant: str, key: str) -> Callable[[Figures], float]:
    return lambda f: f["teacher"]["p_true"][variant][key]


def brier_gain(variant: str) -> Callable[[Figures], float]:
    def gain(f: Figures) -> float:
        figures_of = f["teacher"]["p_true"][variant]
        return figures_of["brier_base_rate"] - figures_of["brier"]

    return gain


TARGETS = (
    Target("greedy accuracy, 0.50-0.70", lambda f: f["teacher"]["word_problems"]["greedy"], 0.5, 0.7),
    Target("majority of all samples over single samples, at least 0.08", vote_gain, 0.08),
    Target("pass@40, at least 0.90", lambda f: f["teacher"]["votes"]["pass"], 0.9),
    Target("AUROC of the vote share, at least 0.80",
           lambda f: f["teacher"]["votes"]["share_auroc"], 0.8),
    Target("AUROC of P(True), one pass, at least 0.75", p_true("single", "auroc"), 0.75),
    Target("AUROC of P(True) within a question, one pass, at least 0.60",
           p_true("single", "auroc_within_question"), 0.6),
    Target("Brier of P(True) under the base rate's, one pass, more than 0",
           brier_gain("single"), 1e-9),
    Target("AUROC of P(True) after a check, at least 0.75", p_true("check", "auroc"), 0.75),
    Target("AUROC of P(True) within a question, after a check, at least 0.60",
           p_true("check", "auroc_within_question"), 0.6),
    Target("Brier of P(True) under the base rate's, after a check, more than 0",
           brier_gain("check"), 1e-9),
    Target("code: gain of repairs after test feedback, at least 0.10",
           lambda f: f["teacher"]["code"]["gain"], 0.1),
    Target("student: greedy accuracy, 0.05-0.20",
           lambda f: f["student"]["word_problems"]["greedy"], 0.05, 0.2),
)  # fmt: skip


def write(weights: Path, figures: Figures, page: Path) -> None:
    """Both files, from the figures and the headers of the weights."""
    training: dict[str, object] = {}
    for role in ("teacher", "student"):
        path = weights / f"{role}.safetensors"
        with safe_open(str(path), "np") as f:
            metadata = f.metadata()
        training[role] = {
            **json.loads(metadata["card"]),
            "config": json.loads(metadata["config"]),
            "bytes": path.stat().st_size,
        }
    rows = [target.row(figures) for target in TARGETS]
    card = {
        "what": "A tiny model for demonstrations and tests, trained from scratch on text made by "
        "this recipe's own generator. No figure of it is a research result.",
        "made": training,
        "targets": rows,
        "figures": figures,
    }
    (weights / "card.json").write_text(json.dumps(round_figures(card), indent=1) + "\n")
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(markdown(training, rows, figures))


def round_figures(value: Any) -> Any:
    """The same structure with four significant digits."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {k: round_figures(v) for k, v in value.items()}
    return [round_figures(v) for v in value] if isinstance(value, list) else value


def markdown(training: dict[str, Any], rows: list[dict[str, object]], figures: Figures) -> str:
    lines = [
        "# The pocket model: evaluation card",
        "",
        "Written by `python -m training.pocket card`; do not edit. A tiny model for demonstrations and",
        "tests: it knows a few families of tasks, free-form prompts get nonsense, and no figure here",
        "is a research result. All figures are on held-out tasks of the same families and templates",
        "as the training data, with the exported weights.",
        "",
        "| | teacher (`pocket`) | student (`pocket:student`) |",
        "|---|---|---|",
    ]
    for key in ("parameters", "bytes", "tokens", "train_seconds", "phases", "seed", "data_version",
                "date", "hardware", "note"):  # fmt: skip
        row = [key.replace("_", " "), str(training["teacher"][key]), str(training["student"][key])]
        lines += [f"| {' | '.join(row)} |"]
    lines += ["", "| target | measured | met |", "|---|---|---|"]
    lines += [f"| {r['target']} | {r['value']} | {'yes' if r['is_met'] else 'no'} |" for r in rows]
    for role, figures_of in figures.items():
        lines += ["", f"## {role.capitalize()}", "", "| figure | value |", "|---|---|"]
        lines += [f"| {name} | {value} |" for name, value in flat(round_figures(figures_of))]
    return "\n".join(lines) + "\n"


def flat(figures: Figures, prefix: str = "") -> list[tuple[str, object]]:
    """Nested figures as (dotted name, value)."""
    figures_of: list[tuple[str, object]] = []
    for name, value in figures.items():
        label = f"{prefix}{name}".replace("_", " ")
        if isinstance(value, dict):
            figures_of += flat(value, f"{prefix}{name}: ")
        else:
            figures_of.append((label, value))
    return figures_of
