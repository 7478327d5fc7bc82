"""Answers: read off a reply, compared with each other, graded against a reference."""

from understudy.text.answers.choices import find_choice
from understudy.text.answers.equality import Canonical, canonicalize, is_equivalent
from understudy.text.answers.numbers import Number, find_numbers, parse_number, parse_quantity
from understudy.text.answers.reading import Kind, extract, grade

__all__ = [
    "Canonical",
    "Kind",
    "Number",
    "canonicalize",
    "extract",
    "find_choice",
    "find_numbers",
    "grade",
    "is_equivalent",
    "parse_number",
    "parse_quantity",
]
