"""Answers: read off a reply, compared with each other, graded against a reference."""

from understudy.text.answers.choices import choice
from understudy.text.answers.equality import Canonical, canonical, same
from understudy.text.answers.numerals import Numeral, numeral, numerals, plain, quantity, value
from understudy.text.answers.reading import Kind, extract, grade

__all__ = [
    "Canonical",
    "Kind",
    "Numeral",
    "canonical",
    "choice",
    "extract",
    "grade",
    "numeral",
    "numerals",
    "plain",
    "quantity",
    "same",
    "value",
]
