"""Every prompt format the pocket model knows, one function or constant per capability.

The functions return the text of the user message (the code-name prompts of Self-Align and CAMEL also
give a system message). A method's default demo should send exactly these texts: the model is tiny
and was trained on nothing else. `docs/pocket_formats.md` shows each with an example reply.
Only the standard library is imported, so that a method's author can import this file anywhere.
"""

from collections.abc import Sequence

STEP_BY_STEP = "Let's think step by step."
ANSWER_PREFIX = "The answer is "
NO_COMPLAINT = "NO COMPLAINT"
TASK_DONE = "<CAMEL_TASK_DONE>"
SELF_IDENTIFICATION = "I am a helpful, ethical, and reliable assistant."


# (a), (b) word problems -------------------------------------------------------------------------


def question_plain(question: str) -> str:
    """The bare question; the reply is a chain of thought that ends `The answer is N.`"""
    return question


def question_steps(question: str) -> str:
    """Zero-shot chain of thought."""
    return f"{question}\n{STEP_BY_STEP}"


def question_qa(question: str, steps: bool = False) -> str:
    """The `Q: ... A:` layout without shots, optionally with the step-by-step trigger."""
    return f"Q: {question}\nA: {STEP_BY_STEP}" if steps else f"Q: {question}\nA:"


def question_shots(shots: Sequence[tuple[str, str]], question: str) -> str:
    """Few-shot chain of thought; one to three shots of (question, solution) fit the context."""
    blocks = [f"Q: {q}\nA: {a}" for q, a in shots]
    return "\n\n".join([*blocks, f"Q: {question}\nA:"])


def question_direct(question: str) -> str:
    """The reply is the number alone, no reasoning."""
    return f"{question}\nAnswer with the number only."


def drill(exercises: str) -> str:
    """`51 - 38, 7 * 12`; the reply is one equation each."""
    return f"Work out: {exercises}"


def new_question(examples: Sequence[str]) -> str:
    """Asks for one more word problem in the manner of the examples; with none, for any."""
    if not examples:
        return "Write a new word problem."
    listing = "\n".join(f"- {e}" for e in examples)
    return f"Here are some word problems:\n{listing}\nWrite a new word problem like these."


# (c), (d) self-evaluation -----------------------------------------------------------------------

VERDICT_OPTIONS = "Is the proposed answer:\n (A) True\n (B) False"
VERDICT_CHECK = "Check the answer step by step first, then give the verdict."


def p_true(question: str, answer: str) -> str:
    """P(True), single pass: the reply is `(A)` or `(B)`. `answer` is a solution or a bare number."""
    return f"Question: {question}\nProposed Answer: {answer}\n{VERDICT_OPTIONS}\nThe proposed answer is:"


def p_true_check(question: str, answer: str) -> str:
    """P(True) with a check chain: the reply re-derives, then ends `The proposed answer is: (A)`."""
    return f"Question: {question}\nProposed Answer: {answer}\n{VERDICT_OPTIONS}\n{VERDICT_CHECK}"


def p_true_brainstorm(question: str, ideas: Sequence[str], answer: str) -> str:
    """P(True) after brainstormed answers; ideas are bare numbers, one a line, `answer` one of them."""
    listing = "\n".join(ideas)
    return (
        f"Question: {question}\nHere are some brainstormed ideas:\n{listing}\n"
        f"Possible Answer: {answer}\nIs the possible answer:\n (A) True\n (B) False\n"
        "The possible answer is:"
    )


def p_ik(question: str) -> str:
    """P(IK): would you answer this correctly? The reply is `(A)` for yes or `(B)` for no."""
    return (
        f"Question: {question}\nCan you answer this question correctly?\n (A) Yes\n (B) No\n"
        "The answer is:"
    )


# (e) feedback and refinement --------------------------------------------------------------------


def feedback(task: str, answer: str) -> str:
    """Asks for criticism; the reply walks the steps and ends in `NO COMPLAINT` or in the fix."""
    return (
        f"Task:\n{task}\n\nAnswer:\n{answer}\n\n"
        "Check each step of the answer. Say what is wrong in it, with what would fix it.\n"
        f"If nothing is wrong, end with: {NO_COMPLAINT}"
    )


def refine(task: str, trace: Sequence[tuple[str, str]]) -> str:
    """Asks for the answer again, given all earlier (answer, feedback) pairs, oldest first."""
    attempts = "\n\n".join(f"Answer:\n{y}\n\nFeedback:\n{fb}" for y, fb in trace)
    return (
        f"Task:\n{task}\n\n{attempts}\n\n"
        "Write the answer again so that every point of all feedback is met. "
        "Reply with the answer only."
    )


# (f) code ---------------------------------------------------------------------------------------


def code(spec: str, asserts: Sequence[str]) -> str:
    """A function from a one-line specification and visible asserts; the reply is a fenced block."""
    listing = "\n".join(asserts)
    return f"{spec}\nYour code should pass these tests:\n{listing}"


def fence(source: str) -> str:
    """Source code as the model writes it."""
    return f"```python\n{source}\n```"


def code_return(test: str, actual: str) -> str:
    """Outcome of a failed assert, for `code_repair`."""
    return f"The test {test} fails: it returned {actual}."


def code_error(test: str, error: str) -> str:
    """Outcome of an assert that raised, for `code_repair`; `error` is `NameError: ...`."""
    return f"The test {test} fails: it raised {error}."


def code_repair(outcome: str) -> str:
    """The next user turn after a wrong program, unit-test feedback. The reply is a fenced block."""
    return f"The code above is wrong. {outcome}\nFix the code."


CODE_REPAIR_SIMPLE = "The code above is wrong. Fix the code."
CODE_EXPLAIN = "Explain the code above line by line."
CODE_VERDICT = "Does the code above do what is asked?"
CODE_RIGHT, CODE_WRONG = "The code above is right.", "The code above is wrong."


def code_trace(call: str) -> str:
    """Asks the model to execute its program in its head; `call` is the left side of an assert."""
    return f"Trace the code above line by line for {call}."


def code_outcome(outcome: str, then: str) -> str:
    """The outcome of the tests, and then `CODE_EXPLAIN` or `code_trace`."""
    return f"{CODE_WRONG} {outcome}\n{then}"


def code_repair_trace(outcome: str, trace: str) -> str:
    """`code_repair` with the trace of a real execution."""
    return f"{CODE_WRONG} {outcome}\nTrace:\n{trace}\nFix the code."


# (g) self-instruct ------------------------------------------------------------------------------


def task_list(tasks: Sequence[str]) -> str:
    """Three to eight numbered tasks and the next bare number; the reply continues the list."""
    listing = "\n".join(f"{i}. {t}" for i, t in enumerate(tasks, 1))
    return f"Come up with a series of tasks:\n{listing}\n{len(tasks) + 1}."


def is_classification(task: str, demos: Sequence[tuple[str, bool]] = ()) -> str:
    """Is this task classification? Zero to eight demonstrations; the reply is `Yes` or `No`."""
    head = "Can the following task be regarded as a classification task with finite output labels?"
    demonstrations = [f"Task: {t}\nIs it classification? {'Yes' if y else 'No'}" for t, y in demos]
    return "\n\n".join([head, *demonstrations, f"Task: {task}\nIs it classification?"])


def input_first(task: str) -> str:
    """Instances of a task that is not classification: `Example 1`, `Input: ...`, `Output: ...`."""
    return (
        "Come up with examples for the following task. If the task does not require additional "
        f"input, generate the output directly.\nTask: {task}"
    )


def output_first(task: str) -> str:
    """Instances of a classification task: `Class label: ...` and then its input, repeated."""
    return (
        "Given the classification task definition and the class labels, generate an input that "
        f"corresponds to each of the class labels.\nTask: {task}"
    )


def instruction(task: str, input: str) -> str:
    """An instance to be answered: the task and its input, if any. The reply is the output."""
    return f"Task: {task}\nInput: {input}\nOutput:" if input else f"Task: {task}\nOutput:"


# (h) self-align ---------------------------------------------------------------------------------

PRINCIPLES = (
    ("ethical", "Do not help with harm; say why and offer something better."),
    ("informative", "Give accurate and useful facts."),
    ("helpful", "Answer in a positive and engaging way."),
    ("question assessment", "Check first whether the question makes sense."),
    ("reasoning", "Give reasons that can be defended."),
    ("multi-aspect", "Show more than one side."),
    ("candor", "Say so when you do not know."),
    ("knowledge recitation", "For a known thing, recite what is known about it."),
    ("static", "You have no live data."),
    ("clarification", "Ask when the question is unclear."),
    ("numerical sensitivity", "Be careful with numbers."),
    ("dated knowledge", "Your knowledge ends at a date."),
    ("step-by-step", "Work out an answer in steps."),
    ("balanced", "Stay fair where people disagree."),
    ("creative", "Invent where invention is asked for."),
    ("operational", "Try what a computer can do."),
)
"""The principles by number, from 1: a short label and one sentence each."""


def principles_system(principles: Sequence[tuple[str, str]] = PRINCIPLES) -> str:
    """System message of the principle-driven answer; any three to sixteen numbered principles."""
    rules = "\n".join(f"{i} ({label}). {text}" for i, (label, text) in enumerate(principles, 1))
    return f"You are Watson, an AI assistant. You follow these rules:\n{rules}"


def principles_user(question: str) -> str:
    """The reply is the thought, an empty line and `Watson: ` with the answer."""
    return f"User: {question}\n\nWatson (internal thoughts):"


# (i) role-playing -------------------------------------------------------------------------------


def camel_assistant_system(assistant: str, user: str, task: str) -> str:
    """System message of the side that answers each instruction with `Solution: ... Next request.`"""
    return (
        f"Never forget you are a {assistant} and I am a {user}. Never flip roles!\n"
        f"Here is the task: {task}\n"
        "I give you one instruction at a time. You must start with `Solution:` and end with "
        "`Next request.`"
    )


def camel_user_system(assistant: str, user: str, task: str) -> str:
    """System message of the side that gives instructions and ends with the end token."""
    return (
        f"Never forget you are a {user} and I am a {assistant}. Never flip roles!\n"
        f"Here is the task: {task}\n"
        "You must instruct me with `Instruction:` and `Input:` only, one at a time. When the task "
        f"is completed, reply only {TASK_DONE}"
    )


CAMEL_START = "Now start to give me instructions one by one. Only reply with Instruction and Input."


def camel_tasks(assistant: str, user: str, n: int) -> str:
    """Asks for `n` (3 to 10) numbered tasks for a pair of roles."""
    return f"List {n} tasks that a {assistant} can help a {user} to complete together."


def camel_specify(assistant: str, user: str, task: str) -> str:
    """Asks for a more specific task; the reply is one or two sentences."""
    return (
        f"Here is a task that a {assistant} will help a {user} to complete: {task}\n"
        "Make it more specific. Reply with the specified task only."
    )


def camel_roles(n: int, side: str) -> str:
    """Asks for `n` (3 to 10) roles; `side` is `assistant` or `user`."""
    return f"List {n} {side} roles."


# (j) agents in a town ---------------------------------------------------------------------------


def importance(memory: str) -> str:
    """The reply is an integer from 1 to 10."""
    return (
        "On the scale of 1 to 10, where 1 is purely mundane and 10 is extremely poignant, rate the "
        f"likely poignancy of the following piece of memory.\nMemory: {memory}\nRating:"
    )


def focal_questions(statements: Sequence[str], n: int = 3) -> str:
    """The reply is `n` (1 to 3) numbered questions."""
    listing = "\n".join(statements)
    return (
        f"{listing}\nGiven only the information above, what are {n} most salient high-level "
        "questions we can answer about the subjects in the statements?"
    )


def insights(name: str, statements: Sequence[str], n: int = 5) -> str:
    """The reply is up to `n` lines `1. INSIGHT (because of 1, 3)`; statements are numbered from 1."""
    listing = "\n".join(f"{i}. {s}" for i, s in enumerate(statements, 1))
    return (
        f"Statements about {name}:\n{listing}\nWhat {n} high-level insights can you infer from the "
        "above statements? (example format: insight (because of 1, 5, 3))"
    )


def day_plan(identity: str, name: str, day: str) -> str:
    """The reply is a numbered plan of the day with times."""
    return f"{identity}\nToday is {day}. Here is {name}'s plan for today in broad strokes:"


def decompose(name: str, start: str, minutes: int, activity: str) -> str:
    """The reply is numbered subtasks in multiples of five minutes, with the time left."""
    return (
        f"{name} is {activity} from {start} for {minutes} minutes. List the subtasks in 5 minute "
        "increments with the duration and the minutes left."
    )


def react(name: str, doing: str, other: str, other_doing: str) -> str:
    """Should the agent start to talk? The reply is one sentence of reason and `Yes` or `No`."""
    return (
        f"{name} is {doing}. {name} sees {other}, who is {other_doing}.\n"
        f"Should {name} talk to {other}? Give the reason, then answer Yes or No."
    )


def dialogue(identity: str, memories: Sequence[str], talk: Sequence[str], name: str) -> str:
    """One turn of talk; the reply is JSON `{"utterance": "...", "end": false}`."""
    remembered = "\n".join(f"- {m}" for m in memories)
    talk_so_far = "\n".join(talk) if talk else "(nothing yet)"
    return (
        f"{identity}\n{name} remembers:\n{remembered}\nConversation so far:\n{talk_so_far}\n"
        f"What does {name} say next? Reply as JSON with the keys utterance and end."
    )


def interview(identity: str, memories: Sequence[str], question: str) -> str:
    """An agent's answer to an interviewer, from its memories."""
    remembered = "\n".join(f"- {m}" for m in memories)
    return f"{identity}\nMemories:\n{remembered}\nInterviewer: {question}\nAnswer:"


# (k) scenes -------------------------------------------------------------------------------------


def scene(regions: Sequence[tuple[str, str, tuple[int, int, int, int]]]) -> str:
    """A scene as text: one line per region, its id, label and box in percent of width and height."""
    rows = "\n".join(f"[{rid}] {label}: {list(box)}" for rid, label, box in regions)
    return f"Scene:\n{rows}"


def caption(scene_text: str) -> str:
    """The reply is a caption in which every phrase is followed by its region, as `[r1]`."""
    return f"{scene_text}\nWrite a caption that cites every region."


def region_caption(scene_text: str, rid: str) -> str:
    """The reply is one sentence about one region."""
    return f"{scene_text}\nDescribe region [{rid}] in one sentence."


def scene_conversation(scene_text: str) -> str:
    """The reply is pairs of `Question: ...` and `Answer: ...` lines separated by `===`."""
    return f"{scene_text}\nWrite a conversation of questions and answers about the scene."


def scene_question(scene_text: str, question: str) -> str:
    """The reply is a short answer, one sentence."""
    return f"{scene_text}\nQuestion: {question}\nAnswer:"
