"""CAMEL conversations: roles, tasks, and instruction and solution turns for the tasks."""

import random
from dataclasses import dataclass

from training.pocket.instructions import CITIES, FOODS, FRUITS, TOOLS

ASSISTANTS = (
    "Cook", "Teacher", "Gardener", "Programmer", "Accountant", "Travel guide", "Nurse", "Writer",
    "Carpenter", "Musician", "Coach", "Librarian",
)  # fmt: skip
USERS = (
    "Student", "Parent", "Shop owner", "Farmer", "Tourist", "Neighbour", "Painter", "Driver",
    "Baker", "Actor", "Engineer", "Doctor",
)  # fmt: skip


@dataclass(frozen=True)
class Job:
    """A task for two roles: its short and specific wording, and (instruction, input, solution)s."""

    short: str
    specific: str
    turns: tuple[tuple[str, str, str], ...]


def dinner(rng: random.Random) -> Job:
    food, fruit, n = rng.choice(FOODS), rng.choice(FRUITS), rng.randint(3, 9)
    price = rng.randint(2, 9)
    return Job(
        f"Plan a dinner for {n} guests",
        f"Plan a dinner for {n} guests with {food} and {fruit} cake for {price} dollars a guest.",
        (
            ("Choose the main dish.", "None", f"The main dish is {food} for {n} guests."),
            ("Choose a dessert.", f"main dish: {food}", f"The dessert is a {fruit} cake."),
            ("Compute the cost.", f"{n} guests, {price} dollars each",
             f"The cost is {n} * {price} = {n * price} dollars."),
            ("Write the invitation.", "None", f"Dear friends, come and eat {food} with us."),
        ),
    )  # fmt: skip


def trip(rng: random.Random) -> Job:
    a, b = rng.sample(CITIES, 2)
    days, price = rng.randint(2, 7), rng.choice((20, 30, 40, 50))
    return Job(
        f"Plan a trip to {a}",
        f"Plan a trip of {days} days to {a} and {b} that costs {price} dollars a day.",
        (
            ("Choose the order of the cities.", f"{a}, {b}", f"First visit {a}, then {b}."),
            ("Compute the cost.", f"{days} days, {price} dollars a day",
             f"The cost is {days} * {price} = {days * price} dollars."),
            ("Write a packing list.", "None", "Pack a coat, shoes, a map and a camera."),
            ("Suggest what to eat.", a, f"In {a} try the {rng.choice(FOODS)}."),
        ),
    )  # fmt: skip


def lesson(rng: random.Random) -> Job:
    topic = rng.choice(("fractions", "plants", "maps", "music", "money", "the weather"))
    minutes = rng.choice((30, 40, 60))
    return Job(
        f"Prepare a lesson about {topic}",
        f"Prepare a lesson of {minutes} minutes about {topic} with one game and one test.",
        (
            ("Write the goal of the lesson.", "None", f"The children can explain {topic}."),
            ("Divide the time.", f"{minutes} minutes",
             f"Talk for {minutes // 2} minutes and play for {minutes // 2} minutes."),
            ("Describe a game.", topic, f"Each child draws a card about {topic} and explains it."),
            ("Write a test question.", topic, f"What have you learnt about {topic}?"),
        ),
    )  # fmt: skip


def garden(rng: random.Random) -> Job:
    fruit, tool, n = rng.choice(FRUITS), rng.choice(TOOLS), rng.randint(3, 9)
    m = rng.randint(2, 9)
    return Job(
        f"Plant {fruit} trees in a garden",
        f"Plant {n} rows of {m} {fruit} trees in a small garden in spring.",
        (
            ("Count the trees.", f"{n} rows of {m}", f"There are {n} * {m} = {n * m} trees."),
            ("Choose a tool.", "None", f"Use a {tool} to prepare the ground."),
            ("Say when to water.", "None", "Water the trees in the morning and in the evening."),
        ),
    )


def budget(rng: random.Random) -> Job:
    a, b, c = (rng.randint(2, 9) * 10 for _ in range(3))
    return Job(
        "Make a budget for a month",
        f"Make a budget of {a + b + c} dollars for food, rent and travel for one month.",
        (
            ("Add the costs.", f"food {a}, rent {b}, travel {c}",
             f"The sum is {a} + {b} + {c} = {a + b + c} dollars."),
            ("Find the largest cost.", f"food {a}, rent {b}, travel {c}",
             f"The largest cost is {max(a, b, c)} dollars."),
            ("Suggest how to save.", "None", "Cook at home and walk to work."),
        ),
    )  # fmt: skip


JOBS = (dinner, trip, lesson, garden, budget)


def make_job(rng: random.Random) -> tuple[str, str, Job]:
    """An assistant role, a user role and a job for them."""
    return rng.choice(ASSISTANTS), rng.choice(USERS), rng.choice(JOBS)(rng)


def instruction_turn(turn: tuple[str, str, str]) -> str:
    return f"Instruction: {turn[0]}\nInput: {turn[1]}"


def solution_turn(turn: tuple[str, str, str]) -> str:
    return f"Solution: {turn[2]} Next request."
