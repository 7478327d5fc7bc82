"""Agent text: memories with their poignancy, questions, insights with evidence, plans, talk."""

import json
import random
from dataclasses import dataclass

from training.pocket.instructions import FOODS
from training.pocket.problems import NAMES, PLACES

JOBS = ("baker", "teacher", "painter", "farmer", "nurse", "writer", "student", "musician")
TRAITS = ("kind", "curious", "patient", "cheerful", "quiet", "busy", "friendly", "careful")
TOPICS = ("the election", "the summer party", "the new school", "a music evening", "the old bridge",
          "the flower market", "a cooking contest", "the book club")  # fmt: skip
HOBBIES = ("painting", "gardening", "reading", "cooking", "running", "playing chess", "singing")
MEMORIES: tuple[tuple[str, int], ...] = (
    ("{n} is brushing teeth", 1), ("{n} is making the bed", 1), ("the bed is tidy", 1),
    ("the stove is on", 1), ("{n} is eating {food}", 1), ("{n} is washing the dishes", 1),
    ("{n} is walking to the {place}", 2), ("{n} is buying {food} at the market", 2),
    ("{n} is {hobby}", 2), ("{n} greets {m} at the {place}", 3), ("{n} is reading about {topic}", 3),
    ("{n} and {m} talk about {topic}", 4), ("{n} helps {m} with {hobby}", 4),
    ("{m} invites {n} to {topic}", 5), ("{n} plans {topic}", 5), ("{n} argues with {m}", 6),
    ("{n} wins a prize for {hobby}", 7), ("{n} loses the job as a {job}", 8),
    ("{n} falls in love with {m}", 8), ("{n} breaks up with {m}", 9), ("{n} marries {m}", 10),
    ("the mother of {n} dies", 10), ("the house of {n} burns down", 10),
)  # fmt: skip


@dataclass(frozen=True)
class Agent:
    """Somebody in the town."""

    name: str
    job: str
    trait: str
    hobby: str
    topic: str

    @property
    def identity(self) -> str:
        return (
            f"{self.name} is a {self.trait} {self.job} who likes {self.hobby} and cares about "
            f"{self.topic}."
        )


def agent(rng: random.Random) -> Agent:
    return Agent(
        rng.choice(NAMES), rng.choice(JOBS), rng.choice(TRAITS), rng.choice(HOBBIES),
        rng.choice(TOPICS),
    )  # fmt: skip


def other(who: Agent, rng: random.Random) -> str:
    return rng.choice([n for n in NAMES if n != who.name])


def memory(who: Agent, rng: random.Random) -> tuple[str, int]:
    """A memory of an agent and its poignancy, which varies by one around its usual value."""
    text, score = rng.choice(MEMORIES)
    text = text.format(
        n=who.name, m=other(who, rng), food=rng.choice(FOODS), place=rng.choice(PLACES),
        hobby=rng.choice(HOBBIES), topic=rng.choice(TOPICS), job=who.job,
    )  # fmt: skip
    return text, min(10, max(1, score + rng.choice((0, 0, 0, 1, -1))))


def evidence(who: Agent, rng: random.Random) -> tuple[list[str], list[str], list[str]]:
    """Statements about an agent, the questions they raise and the insights they support."""
    friend = other(who, rng)
    themes = [
        (who.hobby, [f"{who.name} is {who.hobby}", f"{who.name} talks about {who.hobby}",
                     f"{who.name} buys a book on {who.hobby}"],
         f"What does {who.name} enjoy most?", f"{who.name} loves {who.hobby}"),
        (who.topic, [f"{who.name} is reading about {who.topic}", f"{who.name} plans {who.topic}",
                     f"{who.name} asks {friend} about {who.topic}"],
         f"What does {who.name} think of {who.topic}?", f"{who.name} cares about {who.topic}"),
        (friend, [f"{who.name} greets {friend}", f"{who.name} helps {friend}",
                  f"{who.name} and {friend} eat {rng.choice(FOODS)}"],
         f"How close are {who.name} and {friend}?", f"{who.name} and {friend} are good friends"),
        (who.job, [f"{who.name} works as a {who.job}", f"{who.name} gets up early to work",
                   f"{who.name} is proud of the work"],
         f"How does {who.name} feel about the work?", f"{who.name} is a devoted {who.job}"),
    ]  # fmt: skip
    rng.shuffle(themes)
    themes = themes[: rng.randint(2, 4)]
    tagged = [
        (text, i) for i, t in enumerate(themes) for text in rng.sample(t[1], rng.choice((2, 3)))
    ]
    rng.shuffle(tagged)
    lines: list[str] = []
    for i, theme in enumerate(themes):
        cited = ", ".join(str(k) for k, (_, j) in enumerate(tagged, 1) if j == i)
        lines.append(f"{theme[3]} (because of {cited})")
    return [text for text, _ in tagged], [t[2] for t in themes], lines


def number_lines(lines: list[str]) -> str:
    return "\n".join(f"{i}. {line}" for i, line in enumerate(lines, 1))


def plan(who: Agent, rng: random.Random) -> str:
    """A day in five or six broad strokes."""
    wake, work = rng.randint(5, 8), rng.randint(9, 10)
    strokes = [
        f"wake up at {wake}:00 am", f"eat {rng.choice(FOODS)} at {wake + 1}:00 am",
        f"work as a {who.job} from {work}:00 am to {rng.randint(3, 5)}:00 pm",
        f"go {who.hobby} at {rng.randint(5, 6)}:00 pm" if who.hobby == "running"
        else f"spend time {who.hobby} at {rng.randint(5, 6)}:00 pm",
        f"talk with {other(who, rng)} about {who.topic} at {rng.randint(7, 8)}:00 pm",
        f"go to bed at {rng.randint(9, 11)}:00 pm",
    ]  # fmt: skip
    return number_lines(strokes)


SUBTASKS = {
    "painting": (
        "set up the canvas",
        "mix the colours",
        "paint the background",
        "paint the details",
    ),
    "gardening": ("get the tools", "pull the weeds", "water the plants", "plant the seeds"),
    "reading": ("choose a book", "read the first chapter", "take notes", "read on"),
    "cooking": ("wash the vegetables", "cut the vegetables", "boil the soup", "set the table"),
    "running": ("put on the shoes", "warm up", "run to the bridge", "walk home"),
    "playing chess": ("set up the board", "play a game", "study the game", "play again"),
    "singing": ("warm up the voice", "read the notes", "sing the song", "sing it again"),
}


def subtasks(hobby: str, minutes: int, rng: random.Random) -> str:
    """Subtasks of an activity in multiples of five minutes that add up."""
    names = SUBTASKS[hobby]
    cuts = sorted(rng.sample(range(5, minutes, 5), min(len(names), minutes // 5) - 1))
    ends, left, rows = [*cuts, minutes], minutes, []
    start = 0
    for text, end in zip(names, ends, strict=False):
        left -= end - start
        rows.append(f"{text} (duration: {end - start}, left: {left})")
        start = end
    return number_lines(rows)


def reaction(rng: random.Random) -> tuple[tuple[str, str, str, str], str]:
    """What two agents do, and whether the first should talk: not to one who sleeps or is busy."""
    who = agent(rng)
    friend = other(who, rng)
    doing = rng.choice(
        (f"walking to the {rng.choice(PLACES)}", who.hobby, f"eating {rng.choice(FOODS)}")
    )
    theirs, yes, why = rng.choice((
        ("sleeping", False, "is asleep"), ("in a hurry", False, "has no time"),
        (f"reading about {who.topic}", True, f"cares about {who.topic} too"),
        ("resting", True, "has time to talk"), ("looking for help", True, "needs help"),
    ))  # fmt: skip
    return (who.name, doing, friend, theirs), f"{friend} {why}. {'Yes' if yes else 'No'}"


def talk(rng: random.Random) -> tuple[Agent, list[str], list[str], str]:
    """An agent, what it remembers, the conversation so far and its next turn as JSON."""
    who = agent(rng)
    friend = other(who, rng)
    memories = [f"{who.name} and {friend} are good friends",
                f"{friend} likes {rng.choice(HOBBIES)}"]  # fmt: skip
    script = [
        f"Hello {friend}, have you heard about {who.topic}?",
        f"Hi {who.name}! Yes, I am looking forward to {who.topic}.",
        f"Would you like to help me with {who.topic}?",
        "I would love to. When shall we meet?",
        f"Let us meet at the {rng.choice(PLACES)} at {rng.randint(2, 6)} pm.",
        "Good, I will be there. See you then!",
        "Thank you, goodbye!",
    ]
    at = rng.randrange(0, len(script), 2)
    names = (who.name, friend)
    talk = [f"{names[i % 2]}: {line}" for i, line in enumerate(script[:at])]
    reply = json.dumps({"utterance": script[at], "end": at == len(script) - 1})
    return who, memories, talk, reply


def answer_interview(rng: random.Random) -> tuple[Agent, list[str], str, str]:
    """An agent, memories, a question and the answer that the memories support."""
    who = agent(rng)
    friend, food = other(who, rng), rng.choice(FOODS)
    facts = [
        (f"{who.name} ate {food} this morning", "What did you eat this morning?", f"I ate {food}."),
        (f"{who.name} met {friend} at the {rng.choice(PLACES)}", "Whom did you meet?",
         f"I met {friend}."),
        (f"{who.name} plans {who.topic}", "What do you plan?", f"I plan {who.topic}."),
        (f"{who.name} enjoys {who.hobby}", "What do you like to do?", f"I like {who.hobby}."),
    ]  # fmt: skip
    rng.shuffle(facts)
    statements = facts[: rng.randint(2, 3)]
    question = rng.choice(facts)
    reply = question[2] if question in statements else "I do not remember that."
    return who, [f[0] for f in statements], question[1], reply
