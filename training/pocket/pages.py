"""The page of prompt formats: each capability with a training example, from `formats.py`."""

import random
from collections.abc import Callable
from pathlib import Path

from training.pocket import formats, general, mix
from training.pocket.chat import Sample, chat
from training.pocket.problems import make_problem


def knows(rng: random.Random) -> Sample:
    """A P(IK) sample; in training the verdict comes from the model's own answers (`own.py`)."""
    return chat("p_ik", formats.p_ik(make_problem(rng).question), mix.letter(True))


SECTIONS: tuple[tuple[str, str, Callable[[random.Random], Sample], str], ...] = (
    ("Word problem", "question_plain, question_steps, question_qa", mix.solve, "solve"),
    ("Word problem with shots", "question_shots", mix.solve_shots, "shots"),
    ("Sums", "drill", mix.drill, "drill"),
    ("Direct answer", "question_direct", mix.direct, "direct"),
    ("New word problem", "new_question", mix.write_question, "write"),
    ("P(True), one pass", "p_true", mix.verdict, "p_true"),
    ("P(True) after a check", "p_true_check", mix.verdict_check, "p_true_check"),
    ("P(True) among ideas", "p_true_brainstorm", mix.verdict_brainstorm, "p_true_ideas"),
    ("P(IK)", "p_ik", knows, "p_ik"),
    ("Feedback", "feedback", mix.self_feedback, "feedback"),
    ("Refinement", "refine", mix.refinement, "refine"),
    ("Function", "code", mix.write_code, "code"),
    ("Repair", "code_repair, code_return, code_error, CODE_REPAIR_SIMPLE, "
     "code_repair_trace", mix.repair_code, "repair"),
    ("Explanation", "CODE_EXPLAIN, code_outcome", mix.inspect_code, "explain"),
    ("Trace", "code_trace, code_outcome", mix.inspect_code, "trace"),
    ("Verdict on code", "CODE_VERDICT", mix.inspect_code, "code_verdict"),
    ("Task list", "task_list", general.list_tasks, "task_list"),
    ("Classification or not", "is_classification", general.classify_task, "is_classification"),
    ("Instances", "input_first, output_first", general.task_instances, "instances"),
    ("Instruction", "instruction", general.follow, "instruction"),
    ("Principles", "principles_system, principles_user", general.answer_by_principles, "principles"),
    ("CAMEL turn", "camel_assistant_system, camel_user_system, CAMEL_START", general.camel, "camel"),
    ("CAMEL roles and tasks", "camel_roles, camel_tasks, camel_specify", general.camel_setup,
     "camel_setup"),
    ("Importance", "importance", general.town_memory, "importance"),
    ("Focal questions", "focal_questions", general.town_reflect, "focal"),
    ("Insights", "insights", general.town_reflect, "insights"),
    ("Day plan", "day_plan", general.town_act, "plan"),
    ("Decomposition", "decompose", general.town_act, "decompose"),
    ("Reaction", "react", general.town_act, "react"),
    ("Dialogue turn", "dialogue", general.town_act, "dialogue"),
    ("Interview", "interview", general.town_act, "interview"),
    ("Caption", "scene, caption", general.scene, "caption"),
    ("Region caption", "region_caption", general.scene, "region"),
    ("Scene question", "scene_question", general.scene, "scene_question"),
    ("Scene conversation", "scene_conversation", general.scene, "scene_talk"),
)  # fmt: skip

HEAD = """\
# Prompt formats of the pocket model

Written by `python -m training.pocket card`; do not edit. The model knows these prompts and no others;
the functions are in `training/pocket/formats.py`. A message renders as `<|ROLE|>TEXT<|end|>`, the
reply starts after `<|assistant|>`, and there is no system message unless one is shown. Verdicts are
`(A)` or `(B)`: the letter is the second token of the reply (or of what follows
`The proposed answer is: `), so read the probabilities there.
The context is 1,024 tokens; training samples had at most 960, most under 200. One training target in
fifty was cut, misformatted or refused on purpose; the card says how many replies did not parse.

| capability | functions in `formats.py` | system | turns |
|---|---|---|---|
"""


def example(make: Callable[[random.Random], Sample], kind: str) -> Sample:
    """The shortest of some samples of a kind."""
    rng = random.Random(7)
    samples: list[Sample] = []
    while len(samples) < 8:
        sample = make(rng)
        if sample.kind == kind:
            samples.append(sample)
    return min(samples, key=lambda s: sum(len(text) for _, text in s.messages))


def write_formats(path: Path) -> None:
    """The table and one example each."""
    rows: list[str] = []
    blocks: list[str] = []
    for title, names, make, kind in SECTIONS:
        sample = example(make, kind)
        system = "yes" if sample.messages[0][0] == "system" else ""
        turns = sum(role != "system" for role, _ in sample.messages)
        functions = ", ".join(f"`{name}`" for name in names.split(", "))
        rows.append(f"| {title} | {functions} | {system} | {turns} |")
        text = "\n".join(f"[{role}]\n{text}" for role, text in sample.messages)
        blocks.append(f"## {title}\n\n````text\n{text}\n````\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + "\n".join(rows) + "\n\n" + "\n".join(blocks))
