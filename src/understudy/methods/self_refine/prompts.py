"""What Self-Refine asks about one task."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from understudy.methods._shared.exemplars import format_question, replace_question
from understudy.prompts import PromptSet, fill
from understudy.types import Message, Task

from .preset import Preset


class Prompts(PromptSet, file=__file__):
    """The wording that all presets share. `prompts.yaml` says what each entry is for."""

    tests: str
    feedback: str
    no_complaint: str
    score: str
    aspect: str
    aspect_to_fix: str
    total: str
    refine: str
    version: str
    compare: str
    tests_pass: str
    test_returned: str
    test_raised: str
    program_raised: str
    program_refused: str
    program_ended: str
    right: str
    wrong: str
    unreadable: str


@dataclass(frozen=True)
class TaskPrompts:
    """The prompts for one task, x in the paper."""

    task: Task
    preset: Preset
    wording: Prompts
    verdict: bool
    """Whether the critic is told how to say that it has no complaint."""
    tests: tuple[str, ...] = ()
    """The tests that the writer may see."""

    @property
    def x(self) -> str:
        """The task in words."""
        text = format_question(self.task)
        if self.preset.write not in text:
            text = f"{self.preset.write}\n\n{text}"
        missing = [test for test in self.tests if test not in text]
        return fill(self.wording.tests, x=text, tests="\n".join(missing)) if missing else text

    def for_answer(self) -> tuple[Message, ...]:
        """Asks for y_0. An example begins with it too."""
        return self._turns(self.x)

    def for_feedback(self, y: str) -> tuple[Message, ...]:
        """Asks for feedback on y as text."""
        request = self.preset.criticise
        if self.verdict:
            request += f"\n{self.preset.fine}: {self.wording.no_complaint}"
        return self._turns(fill(self.wording.feedback, x=self.x, y=y, request=request))

    def for_scores(self, y: str) -> tuple[Message, ...]:
        """Asks for structured feedback on y."""
        aspects = "\n".join(f"- {aspect.name}: {aspect.about}" for aspect in self.preset.aspects)
        request = fill(self.wording.score, aspects=aspects, scale=self.preset.scale)
        return self._turns(fill(self.wording.feedback, x=self.x, y=y, request=request))

    def for_rewrite(self, history: Sequence[tuple[str, str]]) -> tuple[Message, ...]:
        """Asks for y_t+1, given earlier versions with their feedback, oldest first."""
        versions = "\n\n".join(fill(self.wording.version, y=y, feedback=fb) for y, fb in history)
        request = self.preset.rewrite
        text = fill(self.wording.refine, x=self.x, history=versions, request=request)
        return self._turns(text)

    def for_comparison(self, a: str, b: str) -> tuple[Message, ...]:
        """Asks which of two answers is better."""
        return self._turns(fill(self.wording.compare, x=self.x, a=a, b=b))

    def _turns(self, text: str) -> tuple[Message, ...]:
        """`text` in place of the task's question, after what came before it."""
        *earlier, last = replace_question(self.task, text)
        if (most := self.preset.turns) is not None:
            turns = [message for message in earlier if message.role != "system"]
            recent = turns[len(turns) - min(len(turns), most - 1) :]
            earlier = [m for m in earlier if m.role == "system" or any(m is r for r in recent)]
        return (*earlier, last)


def visible_tests(task: Task) -> tuple[str, ...]:
    """The tests that a writer may see: `meta.visible_tests` where the task names them, else all."""
    tests: object = task.meta.get("visible_tests", task.tests)
    return (tests,) if isinstance(tests, str) else tuple(cast("Sequence[str]", tests))
