"""The embedder that needs nothing."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.handles.embedder import (
    Embedder,
)
from understudy.handles.hashing import DIMENSIONS, embed_by_hash, hashing
from understudy.types import Usage


async def test_hashing_finds_like_texts_alike() -> None:
    a, b, c = await Embedder(hashing()).embed(
        ["The cat sat on the mat.", "A cat sat on a mat!", "Interest rates rose in March."]
    )
    assert a.shape == (DIMENSIONS,)
    assert a @ b > 0.4 > 0.2 > a @ c


@given(st.text())
def test_hashing_gives_a_length_of_one_or_nothing(text: str) -> None:
    length = float(np.linalg.norm(embed_by_hash(text)))
    assert length == pytest.approx(1, abs=1e-5) or length == 0


def test_hashing_stays_what_it_is_in_every_process() -> None:
    program = (
        "from understudy.handles.hashing import embed_by_hash\n"
        "from hashlib import sha256\n"
        "print(sha256(embed_by_hash('Ünderstudy learns the part').tobytes()).hexdigest()[:16])"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, check=True,
            capture_output=True, text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }  # fmt: skip
    assert digests == {DIGEST}


DIGEST = "ecf34ee3ec1aadcd"


def test_case_and_punctuation_do_not_count() -> None:
    assert (embed_by_hash("The cat sat!") == embed_by_hash("the CAT, sat")).all()
    assert (embed_by_hash("cat") != embed_by_hash("dog")).any()


def test_parts_of_words_make_words_alike() -> None:
    run, running, cat = map(embed_by_hash, ("runner", "runners", "kitten"))
    assert run @ running > 0.5 > 0.2 > run @ cat


@pytest.mark.parametrize("text", ["", " \n", "?!..."])
def test_a_text_without_letters_or_digits_is_zero(text: str) -> None:
    assert not embed_by_hash(text).any()


def test_the_order_of_words_does_not_show_in_the_last_bit() -> None:
    words = [f"word{i}" for i in range(200)]
    one, other = embed_by_hash(" ".join(words)), embed_by_hash(" ".join(reversed(words)))
    assert one.tobytes() == other.tobytes()


def test_a_half_of_a_surrogate_pair_is_embedded() -> None:
    assert embed_by_hash("a\ud800b").any()


async def test_hashing_costs_nothing_and_is_known_by_its_version() -> None:
    backend = hashing()
    assert (backend.name, backend.endpoint) == ("hashing-1", "")
    assert backend.price is not None
    assert backend.price.of(Usage(tokens_in=10**6, tokens_out=10**6)) == 0
