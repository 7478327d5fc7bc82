"""Names: functions are imperative verbs, values are nouns. A participle names a layer or a predicate."""

import ast
from collections.abc import Iterator
from pathlib import Path

import understudy

ROOT = Path(understudy.__file__).parent
REPOSITORY = Path(__file__).parents[1]
FILES = sorted([*ROOT.rglob("*.py"), *(REPOSITORY / "training").rglob("*.py")])

PARTICIPLES = {
    "asked", "begun", "born", "bought", "broken", "brought", "built", "caught", "chosen",
    "counted", "dealt", "declared", "done", "drawn", "driven", "ended", "fallen", "felt",
    "filled", "flown", "folded", "found", "given", "gone", "gotten", "graded", "grown", "heard",
    "held", "hidden", "judged", "kept", "known", "laid", "listed", "lost", "made", "meant",
    "mended", "met", "named", "numbered", "opened", "paid", "posed", "quoted", "said", "seen",
    "shaken", "shed", "shown", "sold", "sought", "spent", "spoken", "stated", "stolen", "sunk",
    "swept", "taken", "taught", "thought", "thrown", "told", "tried", "understood", "wanted",
    "woken", "won", "worn", "written",
}  # fmt: skip
"""What no value is called: one says what it is, not what was done to it."""

ALLOWED = {
    "chosen": "with `rejected`, the field's word for the two halves of a preference pair",
    "done": "as in `done, pending = await asyncio.wait(...)`",
    "hidden": "hidden tests: the field's word for those that a model does not see",
    "thought": "the noun: what Self-Align's models write before an answer",
}

LAYERS = {"grouped", "journaled", "limited", "metered", "retried"}
"""Functions that take a `Generate` and return one."""

VERBS = {"count", "discard", "drop", "list", "on", "read", "remove", "skip", "write"}
"""First words after which a participle is an object: `remove_cancelled`, `on_done`."""


def name_of(file: Path) -> str:
    root = ROOT if file.is_relative_to(ROOT) else REPOSITORY
    return str(file.relative_to(root))


def bindings(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Variables, parameters, fields and attributes, with their lines. Recipes name a step's settings,
    so those are not renamed lightly and do not count."""
    settings = {
        statement.target
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name == "Config"
        for statement in node.body
        if isinstance(statement, ast.AnnAssign)
    }
    for node in ast.walk(tree):
        if node in settings:
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname, node.lineno


def is_predicate(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function says whether something is so."""
    return node.returns is not None and ast.unparse(node.returns) in ("bool", "TypeIs", "TypeGuard")


def is_property(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function reads as a value."""
    return "property" in [ast.unparse(decorator) for decorator in node.decorator_list]


def complaints(lines: Iterator[str]) -> str:
    return "\n".join(lines)


def test_values_are_not_called_by_what_was_done_to_them() -> None:
    def participles() -> Iterator[str]:
        for file in FILES:
            for name, line in bindings(ast.parse(file.read_text())):
                if name.strip("_") in PARTICIPLES - ALLOWED.keys():
                    yield f"{name_of(file)}:{line}: {name}"

    assert complaints(participles()) == ""


def test_functions_are_called_by_what_they_do() -> None:
    def participles() -> Iterator[str]:
        for file in FILES:
            for node in ast.walk(ast.parse(file.read_text())):
                if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    continue
                first, _, _ = node.name.strip("_").partition("_")
                word = node.name.strip("_").rpartition("_")[2]
                participle = word in PARTICIPLES - ALLOWED.keys() or (
                    word.endswith("ed") and word not in {"embed", "feed", "need", "seed", "speed"}
                )
                if first in VERBS and first != word:
                    continue
                value = is_predicate(node) or is_property(node)
                if participle and node.name not in LAYERS and not value:
                    yield f"{name_of(file)}:{node.lineno}: {node.name}"

    assert complaints(participles()) == ""
