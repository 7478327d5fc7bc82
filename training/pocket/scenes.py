"""Scenes as text: labelled boxes, captions that cite regions, questions and answers about them."""

import random
from collections import Counter
from dataclasses import dataclass

from training.pocket import formats
from training.pocket.instructions import COLOURS

Box = tuple[int, int, int, int]
SHAPES = [
    "ball", "box", "chair", "table", "lamp", "cup", "tree", "house", "car", "boat", "bench",
    "door",
]  # fmt: skip


@dataclass(frozen=True)
class Region:
    """One object: its id, colour, shape and box `(x1, y1, x2, y2)` in percent of the image."""

    rid: str
    colour: str
    shape: str
    box: Box

    @property
    def label(self) -> str:
        return f"{self.colour} {self.shape}"

    @property
    def cite(self) -> str:
        return f"a {self.label} [{self.rid}]"


def make_scene(rng: random.Random) -> list[Region]:
    """Two to four objects in a row of columns, each somewhere in its column."""
    n = rng.randint(2, 4)
    columns = list(range(n))
    rng.shuffle(columns)
    regions: list[Region] = []
    for i, column in enumerate(columns, 1):
        width = 100 // n
        x1 = column * width + rng.randint(0, width // 4)
        x2 = (column + 1) * width - rng.randint(1, width // 4)
        y1 = rng.randint(0, 60)
        box = (x1, y1, x2, min(100, y1 + rng.randint(15, 40)))
        regions.append(Region(f"r{i}", rng.choice(COLOURS), rng.choice(SHAPES), box))
    return regions


def as_text(regions: list[Region]) -> str:
    return formats.scene([(r.rid, r.label, r.box) for r in regions])


def side(region: Region) -> str:
    """Where in the image a region lies."""
    middle = (region.box[0] + region.box[2]) / 2
    return "left" if middle < 34 else "right" if middle > 66 else "middle"


def caption(regions: list[Region], rng: random.Random) -> str:
    """A caption that cites each region once, from left to right or in the given order."""
    if rng.random() < 0.5:
        ordered = sorted(regions, key=lambda r: r.box[0])
        links = [" is left of ", ", left of ", ", left of "]
        first, *rest = (r.cite for r in ordered)
        text = first[0].upper() + first[1:]
        for link, phrase in zip(links, rest, strict=False):
            text += link + phrase
        return text + "."
    *most, last = (r.cite for r in regions)
    return f"The image shows {', '.join(most)} and {last}."


def one_region(region: Region) -> str:
    return f"A {region.label} is in the {side(region)} of the image."


def questions(regions: list[Region], rng: random.Random) -> list[tuple[str, str]]:
    """Questions with certain answers: count, presence, colour, place, relative position."""
    region = rng.choice(regions)
    shapes = Counter(r.shape for r in regions)
    pairs = [
        ("How many objects are there?", f"There are {len(regions)} objects."),
        (f"Where is the {region.label}?", f"It is in the {side(region)} of the image."),
    ]
    if shapes[region.shape] == 1:
        pairs.append(
            (f"What colour is the {region.shape}?", f"The {region.shape} is {region.colour}.")
        )
    shape = rng.choice(SHAPES)
    pairs.append((f"Is there a {shape}?", "Yes." if shape in shapes else "No."))
    one, two = rng.sample(regions, 2)
    if one.label != two.label:
        left = "Yes." if one.box[0] < two.box[0] else "No."
        pairs.append((f"Is the {one.label} left of the {two.label}?", left))
    rng.shuffle(pairs)
    return pairs
