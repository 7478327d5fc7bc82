"""Self-Refine: a model criticises its own answer and writes it again until nothing is left to mend.

Madaan et al. 2023, "Self-Refine: Iterative Refinement with Self-Feedback", Algorithm 1.
https://arxiv.org/abs/2303.17651

The presets are the paper's seven tasks with its rounds, temperatures, aspects and scales. The first
answer, feedback and rewrite may each come from another model. With `source=verifier` the reference
decides whether to go on: the paper's oracle feedback, a bound on what feedback can do and no result.

Departures: prompts are our own, without exemplars, which chat models do not need (paper: 0 to 15). The
feedback prompt does not presuppose a fault; the released one for maths does. Feedback and rewrite are
two calls for maths too, and its solutions are prose, not programs. The words that end the loop count
at the end of feedback only (released code: anywhere in it). Replies may be longer than the paper's 300
tokens. Where there are scores, the last version is scored as well and the first may win; the released
code looks at neither. Aspects are added up here, not by the model; ties go to the earlier version.
The stops `unchanged`, `threshold` and `patience`, the comparison by a judge, tests as feedback and a
window on the history are not in the paper. A rewrite or feedback that is cut off, empty or refused
ends the loop, and what was written before stands (released code: three tries, then the task is left
out). Accuracy is that of the answer that is kept. The published evaluation on GSM8K counts a problem
from its first right version on, whatever comes after: the report calls that "any right". Greedy decoding
"with temperature 0.7", as the paper has it, is sampling at 0.7.
"""

from collections.abc import Mapping
from typing import Any, Literal, Self, cast

from pydantic import Field, model_validator

from understudy.call.model import Model
from understudy.methods import _self_refine_presets as presets
from understudy.methods import _self_refine_prompts as prompts
from understudy.methods import method
from understudy.methods._self_refine_examples import examples
from understudy.methods._self_refine_feedback import Critics, better, feedback, graded, written
from understudy.methods._self_refine_report import report
from understudy.methods._self_refine_trace import Cost, Version, counted, current, drops, history
from understudy.sandbox.handle import Sandbox
from understudy.types import Example, Json, Rejection, Sampling, Settings, Task


class Config(Settings):
    preset: presets.Name | presets.Preset = "general"
    """Prompts, and the paper's constants for settings that are not set: general, sentiment, dialogue,
    code_speed, code_readability, math, acronym, constrained, or your own as a YAML file."""
    rounds: int = Field(default=4, ge=0)
    """Most rewrites per task (paper: 4)."""
    source: Literal["critic", "tests", "verifier", "judge"] = "critic"
    """Where feedback is from: the critic; the task's visible tests, run in the sandbox; the critic, as
    long as the answer is not the reference (oracle); or critic and scores by the judge."""
    feedback: Literal["text", "structured"] = "text"
    """What the critic writes: text; or for each aspect a score, evidence and a fix, as JSON."""
    verdict: bool = True
    """Stop where the feedback has no complaint."""
    threshold: float | None = Field(default=None, ge=0, le=1)
    """Stop at this part of the highest score."""
    unchanged: bool = True
    """Stop where the rewrite is the same text again."""
    patience: int | None = Field(default=None, ge=1)
    """Stop after so many versions in a row that score below the best, or that the judge turned down."""
    compare: bool = False
    """Accept a rewrite only if the judge prefers it, whichever of the two it reads first."""
    history: int | None = Field(default=None, ge=1)
    """Earlier versions with their feedback that a rewrite is shown; all by default (paper: all)."""
    draft: bool = False
    """Begin with the answer of the step before (`meta.answer`) instead of a new one."""
    keep: Literal["answer", "pairs", "steps"] = "answer"
    """The answer; the answer as preferred to the first version, where it is better; or each rewrite
    that led to it, as the answer to the request for it."""
    temperature: float = Field(default=0.7, ge=0)
    """Of the first answer (paper: 0.7)."""
    feedback_temperature: float = Field(default=0.7, ge=0)
    """Of feedback (paper: 0.7)."""
    refine_temperature: float = Field(default=0.7, ge=0)
    """Of rewrites (paper: 0.7)."""
    judge_temperature: float = Field(default=0, ge=0)
    """Of the judge."""
    max_tokens: int = Field(default=1024, ge=1)
    """Of an answer. One that is cut off is not used."""
    feedback_tokens: int = Field(default=1024, ge=1)
    """Of feedback and of the judge's replies."""
    seconds: float = Field(default=3, gt=0)
    """For a version's tests."""

    @model_validator(mode="before")
    @classmethod
    def _of_preset(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return presets.filled(cast("Mapping[str, Any]", value))

    @model_validator(mode="after")
    def _scores_there(self) -> Self:
        if not self.scores and self.threshold is not None:
            raise ValueError(f"threshold needs scores: {SCORES}")
        if not self.scores and not self.compare and self.patience is not None:
            raise ValueError(f"patience needs scores or compare=true: {SCORES}")
        return self

    @property
    def scores(self) -> bool:
        """Whether versions are scored."""
        return self.source != "critic" or self.feedback == "structured"


@method(paper="arXiv:2303.17651", report=report, seeds="builtin:arithmetic")
async def self_refine(
    task: Task, writer: Model, critic: Model, judge: Model, sandbox: Sandbox, config: Config
) -> Example | Rejection | list[Example]:
    """The best version by score, the earlier one of equals; without scores the last. `meta.trace` has
    all versions with their feedback, `meta.stop_reason` why they are all, `meta.chosen` which is it."""
    if lacking := missing(task, config):
        return Rejection(reason=lacking, meta=task.meta)
    cost, asked = Cost(), prompts.Prompts(task, config)
    writer, critic, judge = (counted(model, cost) for model in (writer, critic, judge))
    by = Critics(critic, judge, sandbox)

    y = await first(asked, writer, config)
    if not y:
        return unanswered(task, config)
    cost.first = cost.calls, cost.tokens
    trace, stopped = [Version(y)], ""
    while not stopped:
        if trace[-1].accepted and (len(trace) <= config.rounds or config.scores):
            trace[-1] = trace[-1]._replace(
                feedback=await feedback(asked, y, by, config, last=len(trace) > config.rounds)
            )
        if stopped := stop(trace, config):
            break
        sampling = Sampling(temperature=config.refine_temperature, max_tokens=config.max_tokens)
        y = await written(writer, asked.refine(history(trace, config.history)), sampling)
        if not y:
            stopped = "no complete rewrite"
        elif config.unchanged and y in (current(trace).text, trace[-1].text):
            stopped = "unchanged"
        else:
            old = current(trace).text
            accepted = not config.compare or await better(asked, old, y, judge, config)
            trace.append(Version(y, accepted=accepted))
    trace = [await graded(version, asked, sandbox, config) for version in trace]
    return await examples(asked, trace, stopped, cost, judge, config)


def missing(task: Task, config: Config) -> str:
    """What the settings need and the task does not have."""
    if config.source == "tests" and not prompts.visible(task):
        return "no tests"
    if config.source == "verifier" and task.reference is None:
        return "no reference"
    return "no answer to begin with" if config.draft and not task.meta.get("answer") else ""


def unanswered(task: Task, config: Config) -> Rejection:
    """Without a first answer there is nothing to refine; the report counts the task as wrong."""
    known: Json = {"trace": [], "stop_reason": NO_ANSWER, "feedback_source": config.source}
    return Rejection(reason=NO_ANSWER, meta=task.meta | known | {"reference": task.reference})


async def first(asked: prompts.Prompts, writer: Model, config: Config) -> str:
    """y_0; empty where there is none that is complete."""
    if config.draft:
        return str(asked.task.meta["answer"]).strip()
    sampling = Sampling(temperature=config.temperature, max_tokens=config.max_tokens)
    return await written(writer, asked.answer(), sampling)


def stop(trace: list[Version], config: Config) -> str:
    """Why the loop ends with the feedback on the current version; empty where it goes on."""
    fb, ended = current(trace).feedback, len(trace) > config.rounds
    if fb is None:
        return "rounds" if ended and not config.scores else "no complete feedback"
    if fb.content and config.verdict:
        return "no complaint"
    if fb.score is not None and config.threshold is not None and fb.score >= config.threshold:
        return "score reached"
    if config.patience is not None and drops(trace) >= config.patience:
        return "no improvement"
    return "rounds" if ended else ""


NO_ANSWER = "no complete answer"
SCORES = "set feedback=structured, or source=judge, tests or verifier"
