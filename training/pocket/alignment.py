"""Principle-driven answers: questions of several sorts, the thought, the rules cited, the answer."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from training.pocket.formats import PRINCIPLES, SELF_IDENTIFICATION
from training.pocket.instructions import ANIMALS, CITIES, COUNTRIES, FOODS
from training.pocket.problems import make_problem
from training.pocket.steps import render

PEOPLE = ("Mark Lind", "Eva Stone", "Tom Hale", "Nora Beck", "Paul Frey", "Anna Holm")
HARMS = ("hurt my neighbour", "steal a bike", "break into a house", "cheat in an exam",
         "lie to my boss", "poison a dog", "forge a ticket")  # fmt: skip
LIVE = ("the weather in {}", "the time in {}", "the price of bread in {}", "the news from {}")
OPINIONS = (("cats", "dogs"), ("tea", "coffee"), ("the city", "the village"), ("books", "films"))
UNCLEAR = ("Can you fix it?", "How long does it take?", "Which one is better?", "Where is it?",
           "How many do I need?", "Is it safe?")  # fmt: skip
FACTS = {
    "cat": "a small hunter that purrs and sleeps much", "dog": "a loyal animal that barks",
    "horse": "a large animal that people ride", "cow": "a farm animal that gives milk",
    "sheep": "a farm animal that gives wool", "goat": "a farm animal that climbs well",
    "duck": "a bird that swims", "lion": "a big cat that lives in groups",
    "bear": "a large animal that eats honey and fish", "wolf": "a wild hunter that lives in packs",
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A question, what the thought says it needs, the labels of the rules, and the answer."""

    question: str
    need: str
    labels: tuple[str, ...]
    answer: str


def harmful(rng: random.Random) -> Case:
    harm = rng.choice(HARMS)
    ask = rng.choice(("How can I {}?", "Help me to {}.", "Tell me the best way to {}."))
    return Case(ask.format(harm), f"The user wants to {harm}, which does harm.",
                ("ethical", "helpful"),
                f"I cannot help you to {harm}, because it does harm. I can help you to find a "
                "better way to solve the problem behind it.")  # fmt: skip


def live(rng: random.Random) -> Case:
    topic = rng.choice(LIVE).format(rng.choice(CITIES))
    return Case(rng.choice(("What is {} now?", "Tell me {} today.")).format(topic),
                f"The user asks for {topic}, which needs live data.", ("static", "candor"),
                f"I have no live data, so I do not know {topic}. A website or a radio station can "
                "tell you.")  # fmt: skip


def person(rng: random.Random) -> Case:
    who = rng.choice(PEOPLE)
    return Case(rng.choice(("Who is {}?", "Tell me about {}.", "What do you know about {}?"))
                .format(who), f"The user asks about {who}, whom I do not know.",
                ("candor", "clarification"),
                f"I do not know a person named {who}. Can you tell me more about this "
                "person?")  # fmt: skip


def arithmetic(rng: random.Random) -> Case:
    problem = make_problem(rng)
    return Case(problem.question, "The user asks for a number that has to be worked out.",
                ("numerical sensitivity", "step-by-step"),
                render(rng.choice(problem.paths), "then"))  # fmt: skip


def animal(rng: random.Random) -> Case:
    which = rng.choice(ANIMALS)
    return Case(
        rng.choice(("What is a {}?", "Tell me about the {}.", "Describe a {}.")).format(which),
        f"The user asks about the {which}, which is well known.",
        ("informative", "knowledge recitation"),
        f"A {which} is {FACTS[which]}.",
    )


def capital(rng: random.Random) -> Case:
    i = rng.randrange(len(CITIES))
    return Case(
        rng.choice(("What is the capital of {}?", "Which city is the capital of {}?")).format(
            COUNTRIES[i]
        ),
        f"The user asks for the capital of {COUNTRIES[i]}.",
        ("informative", "knowledge recitation"),
        f"The capital of {COUNTRIES[i]} is {CITIES[i]}.",
    )


def opinion(rng: random.Random) -> Case:
    a, b = rng.choice(OPINIONS)
    return Case(rng.choice(("Which is better, {} or {}?", "Do you prefer {} or {}?")).format(a, b),
                f"The user asks to choose between {a} and {b}, on which people disagree.",
                ("multi-aspect", "balanced"),
                f"Some people prefer {a} and others prefer {b}. It depends on what you like, so I "
                "take no side.")  # fmt: skip


def unclear(rng: random.Random) -> Case:
    return Case(
        rng.choice(UNCLEAR),
        "The question does not say what it is about.",
        ("question assessment", "clarification"),
        "I am not sure what you mean. Can you tell me what it is about?",
    )


def poem(rng: random.Random) -> Case:
    which, food = rng.choice(ANIMALS), rng.choice(FOODS)
    return Case(f"Write {rng.choice(('a poem', 'a short story'))} about a {which}.",
                f"The user wants something invented about a {which}.", ("creative", "helpful"),
                f"The {which} looked at the {food}. The {food} looked good. The {which} was happy "
                "all day.")  # fmt: skip


def sorting(rng: random.Random) -> Case:
    xs = rng.sample(range(1, 40), rng.randint(3, 5))
    numbers = ", ".join(map(str, xs))
    return Case(f"Sort these numbers: {numbers}", "The user wants a list of numbers sorted.",
                ("operational", "numerical sensitivity"),
                f"Sorted: {', '.join(map(str, sorted(xs)))}")  # fmt: skip


def future(rng: random.Random) -> Case:
    year, place = rng.randint(2030, 2060), rng.choice(COUNTRIES)
    return Case(f"Who will lead {place} in {year}?", f"The user asks about {year}, which is later "
                "than my knowledge.", ("question assessment", "dated knowledge"),
                f"I cannot know who will lead {place} in {year}, because that lies in the "
                "future.")  # fmt: skip


CASES: tuple[Callable[[random.Random], Case], ...] = (
    harmful, live, person, arithmetic, animal, capital, opinion, unclear, poem, sorting, future,
)  # fmt: skip


def answer_by_principles(rng: random.Random) -> tuple[Case, list[tuple[str, str]], str]:
    """A case, the numbered principles shown (all, or some renumbered) and the whole reply."""
    case = rng.choice(CASES)(rng)
    principles = list(PRINCIPLES)
    if rng.random() < 0.75:
        needed = [p for p in PRINCIPLES if p[0] in case.labels]
        others = [p for p in PRINCIPLES if p[0] not in case.labels]
        principles = needed + rng.sample(others, rng.randint(1, 6))
        rng.shuffle(principles)
    number = {label: i for i, (label, _) in enumerate(principles, 1)}
    cited = " and ".join(f"{number[label]} ({label})" for label in case.labels)
    thinking = f"{SELF_IDENTIFICATION} {case.need} I follow rules {cited}."
    return case, principles, f"{thinking}\n\nWatson: {case.answer}"
