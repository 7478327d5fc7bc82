"""General text tasks for Self-Instruct: phrasings, whether they classify, and instances."""

import random
from collections.abc import Callable
from dataclasses import dataclass

Pair = tuple[str, str]


@dataclass(frozen=True)
class Kind:
    """One kind of task: ways to ask for it, and a maker of (input, output) pairs."""

    phrasings: tuple[str, ...]
    make: Callable[[random.Random], Pair]
    labels: tuple[str, ...] = ()
    field: str = "Text"

    @property
    def classifies(self) -> bool:
        return bool(self.labels)


ANIMALS = ["cat", "dog", "horse", "cow", "sheep", "goat", "duck", "lion", "bear", "wolf"]
FRUITS = ["apple", "pear", "plum", "grape", "peach", "lemon", "cherry", "melon"]
COLOURS = ["red", "blue", "green", "yellow", "black", "white", "brown", "pink"]
TOOLS = ["hammer", "saw", "knife", "spoon", "brush", "needle", "shovel", "rake"]
FOODS = ["bread", "soup", "rice", "cake", "cheese", "salad", "pasta", "stew"]
CITIES = ["Paris", "Rome", "Oslo", "Lima", "Cairo", "Delhi", "Tokyo", "Quito"]
COUNTRIES = ["France", "Italy", "Norway", "Peru", "Egypt", "India", "Japan", "Ecuador"]
GOOD = ["wonderful", "tasty", "friendly", "great", "lovely", "fresh", "quick", "pleasant"]
BAD = ["awful", "cold", "rude", "terrible", "slow", "boring", "broken", "dirty"]
SUBJECTS = ("the soup", "the hotel", "the film", "the waiter", "the room", "the book", "the trip")
OPPOSITES = dict(
    zip(
        ["hot", "big", "old", "fast", "early", "full", "loud", "dark", "rich", "happy"],
        ["cold", "small", "new", "slow", "late", "empty", "quiet", "bright", "poor", "sad"],
        strict=True,
    )
)
PEOPLE = ("a baker", "a teacher", "a nurse", "a farmer", "a pilot", "a painter")


def some(rng: random.Random, bank: list[str], n: int) -> list[str]:
    return rng.sample(bank, n)


def review(rng: random.Random) -> Pair:
    good = rng.random() < 0.5
    one, two = rng.sample(SUBJECTS, 2)
    a, b = rng.sample(GOOD if good else BAD, 2)
    text = f"{one.capitalize()} was {a} and {two} was {b}."
    return text, "Positive" if good else "Negative"


def parity(rng: random.Random) -> Pair:
    n = rng.randint(1, 99)
    return str(n), "Odd" if n % 2 else "Even"


def species(rng: random.Random) -> Pair:
    bank, label = rng.choice(((ANIMALS, "Animal"), (FRUITS, "Fruit"), (TOOLS, "Tool")))
    return rng.choice(bank), label


def is_question(rng: random.Random) -> Pair:
    place, what = rng.choice(CITIES), rng.choice(FOODS)
    if rng.random() < 0.5:
        return f"Where can I buy {what} in {place}?", "Question"
    return f"I can buy {what} in {place}.", "Statement"


def size(rng: random.Random) -> Pair:
    n = rng.randint(1, 200)
    return str(n), "Small" if n < 100 else "Large"


def spam(rng: random.Random) -> Pair:
    if rng.random() < 0.5:
        return f"Win {rng.randint(2, 9)}000 dollars now, click here!", "Spam"
    return f"Shall we eat {rng.choice(FOODS)} with {rng.choice(PEOPLE)} on Friday?", "Not spam"


def pick_words(rng: random.Random, n: int = 3) -> list[str]:
    return rng.sample(rng.choice((ANIMALS, FRUITS, COLOURS, TOOLS, FOODS)), n)


def sort_words(rng: random.Random) -> Pair:
    words = pick_words(rng)
    return ", ".join(words), ", ".join(sorted(words))


def count_words(rng: random.Random) -> Pair:
    words = pick_words(rng, rng.randint(2, 5))
    return ", ".join(words), str(len(words))


def first_word(rng: random.Random) -> Pair:
    words = pick_words(rng)
    return ", ".join(words), words[0]


def last_word(rng: random.Random) -> Pair:
    words = pick_words(rng)
    return ", ".join(words), words[-1]


def capital(rng: random.Random) -> Pair:
    i = rng.randrange(len(CITIES))
    return COUNTRIES[i], CITIES[i]


def opposite(rng: random.Random) -> Pair:
    return rng.choice(list(OPPOSITES.items()))


def upper(rng: random.Random) -> Pair:
    text = " ".join(pick_words(rng, 2))
    return text, text.upper()


def larger(rng: random.Random) -> Pair:
    a, b = rng.sample(range(2, 99), 2)
    return f"{a} and {b}", str(max(a, b))


def add(rng: random.Random) -> Pair:
    a, b = rng.randint(2, 49), rng.randint(2, 49)
    return f"{a} and {b}", str(a + b)


def double(rng: random.Random) -> Pair:
    a = rng.randint(2, 49)
    return str(a), str(2 * a)


def past(rng: random.Random) -> Pair:
    verbs = {"buys": "bought", "sees": "saw", "eats": "ate", "makes": "made", "finds": "found"}
    verb, who, what = rng.choice(list(verbs)), rng.choice(PEOPLE), rng.choice(FOODS)
    return f"{who.capitalize()} {verb} {what}.", f"{who.capitalize()} {verbs[verb]} {what}."


def sentence(rng: random.Random) -> Pair:
    thing = rng.choice(ANIMALS)
    return thing, f"The {rng.choice(COLOURS)} {thing} likes {rng.choice(FOODS)}."


def odd_one(rng: random.Random) -> Pair:
    bank, other = rng.sample((ANIMALS, FRUITS, COLOURS, TOOLS), 2)
    words, alien = rng.sample(bank, 3), rng.choice(other)
    words.insert(rng.randrange(4), alien)
    return ", ".join(words), alien


def shopping(rng: random.Random) -> Pair:
    return "", f"Buy {', '.join(rng.sample(FOODS, 2))} and {rng.choice(FRUITS)}s."


def greeting(rng: random.Random) -> Pair:
    return "", f"Dear guest, welcome to {rng.choice(CITIES)}. We hope you like it here."


def animals3(rng: random.Random) -> Pair:
    return "", ", ".join(rng.sample(ANIMALS, 3))


KINDS: tuple[Kind, ...] = (
    Kind(("Classify the sentiment of the review as positive or negative.",
          "Decide whether the review is positive or negative.",
          "Tell if the customer liked it or not."), review, ("Positive", "Negative"), "Review"),
    Kind(("Tell whether the number is odd or even.", "Classify the number as odd or even.",
          "Decide if the given number is even or odd."), parity, ("Odd", "Even"), "Number"),
    Kind(("Classify the word as animal, fruit or tool.",
          "Decide whether the word names an animal, a fruit or a tool."),
         species, ("Animal", "Fruit", "Tool"), "Word"),
    Kind(("Decide if the sentence is a question or a statement.",
          "Classify the sentence as question or statement."),
         is_question, ("Question", "Statement"), "Sentence"),
    Kind(("Label the number as small or large, large being 100 or more.",
          "Tell if the number is small or large."), size, ("Small", "Large"), "Number"),
    Kind(("Detect whether the message is spam.", "Label the message as spam or not spam."),
         spam, ("Spam", "Not spam"), "Message"),
    Kind(("Sort the words in alphabetical order.", "Put the given words into alphabetical order.",
          "Order these words from A to Z."), sort_words, field="Words"),
    Kind(("Count the words in the list.", "Tell how many words the list has."), count_words,
         field="Words"),
    Kind(("Return the first word of the list.", "Name the first of the given words."), first_word,
         field="Words"),
    Kind(("Return the last word of the list.", "Name the last of the given words."), last_word,
         field="Words"),
    Kind(("Name the capital of the country.", "Give the capital city of the given country."),
         capital, field="Country"),
    Kind(("Give the opposite of the word.", "Find an antonym of the given word."), opposite,
         field="Word"),
    Kind(("Write the text in capital letters.", "Convert the text to upper case."), upper),
    Kind(("Return the larger of the two numbers.", "Tell which of two numbers is larger."), larger,
         field="Numbers"),
    Kind(("Add the two numbers.", "Compute the sum of two numbers."), add, field="Numbers"),
    Kind(("Double the number.", "Multiply the given number by two."), double, field="Number"),
    Kind(("Rewrite the sentence in the past tense.", "Put the sentence into the past tense."), past,
         field="Sentence"),
    Kind(("Write a sentence about the animal.", "Use the given animal in a sentence."), sentence,
         field="Animal"),
    Kind(("Find the word that does not belong to the others.", "Name the odd one out."), odd_one,
         field="Words"),
    Kind(("Write a short shopping list.", "Write down what to buy for dinner."), shopping),
    Kind(("Write a greeting for the guests of a hotel.", "Write a short welcome note."), greeting),
    Kind(("Name three animals.", "List three animals of your choice."), animals3),
)  # fmt: skip

VERBS = ("Write", "Give", "List", "Name", "Find", "Describe", "Explain", "Suggest", "Plan")
OBJECTS = (
    "a poem about {}", "three facts about {}", "a story about {}", "a name for {}",
    "a recipe with {}", "a letter to a friend about {}", "two reasons to like {}",
    "a short note on {}", "a joke about {}", "some advice about {}", "questions about {}",
)  # fmt: skip
CLASSIFY = (
    "Decide whether the sentence is about {} or {}.", "Classify the text as {} or {}.",
    "Tell if the picture word means {} or {}.", "Label the item as {} or {}.",
    "Choose the right label for the word: {} or {}.",
)  # fmt: skip


def any_task(rng: random.Random) -> tuple[str, bool]:
    """A task text and whether it is classification; some are open and have no instances here."""
    draw = rng.random()
    if draw < 0.5:
        kind = rng.choice(KINDS)
        return rng.choice(kind.phrasings), kind.classifies
    if draw < 0.8:
        topic = rng.choice(rng.choice((ANIMALS, FRUITS, FOODS, CITIES, TOOLS)))
        return f"{rng.choice(VERBS)} {rng.choice(OBJECTS).format(topic)}.", False
    bank = rng.choice((ANIMALS, FRUITS, FOODS, CITIES, TOOLS, COLOURS))
    return rng.choice(CLASSIFY).format(*rng.sample(bank, 2)), True


def instances(kind: Kind, rng: random.Random) -> str:
    """The instances of a kind as the input-first or output-first reply has them."""
    if kind.classifies:
        by_label: dict[str, str] = {}
        while len(by_label) < len(kind.labels):
            text_in, label = kind.make(rng)
            by_label.setdefault(label, text_in)
        rows = [
            f"Class label: {label}\n{kind.field}: {text_in}" for label, text_in in by_label.items()
        ]
        return "\n".join(rows)
    text_in, output = kind.make(rng)
    if not text_in:
        return f"Output: {output}"
    rows = [f"Example 1\n{kind.field}: {text_in}\nOutput: {output}"]
    for i in range(2, rng.randint(2, 4)):
        text_in, output = kind.make(rng)
        rows.append(f"Example {i}\n{kind.field}: {text_in}\nOutput: {output}")
    return "\n".join(rows)
