"""ROUGE-L of a growing pool: the decision with pruning is the decision without."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from understudy.text.rouge import RougeIndex, split_latin_words, split_words, top_k

RECORDED = [
    ("Write a poem about the sea.", "Write a short poem about the open sea.", 0.8571428571428571),
    ("the the the cat", "the cat the the", 0.75),
    ("A b c d e f g h i j", "a b c d e f g x y z", 0.7),
    ("Don't stop; it's 3.5%!", "dont stop it s 3 5", 0.7692307692307692),
    ("Übersetze den Satz", "ubersetze den satz", 0.6666666666666666),
    ("请把这个句子翻译成英语。", "请把这个句子翻译成英语。", 0),
    ("naïve café", "na ve caf", 1.0),
    ("", "anything", 0),
    ("same words here", "same words here", 1.0),
    ("List running animals", "list the run animal", 0.28571428571428575),
    ("İstanbul is big", "i stanbul is big", 1.0),
]
"""New text, old text, and the F-measure that rouge_score 0.1.2 gives without stemming."""


def pool_of(*texts: str) -> RougeIndex:
    pool = RougeIndex(split_latin_words)
    for text in texts:
        pool.add(text)
    return pool


@pytest.mark.parametrize(("new", "old", "f"), RECORDED)
def test_it_is_bit_equal_to_the_reference(new: str, old: str, f: float) -> None:
    assert pool_of(old).measure_all(new).tolist() == [f]


# Against a definition that leaves nothing out


def f_of(new: list[str], old: list[str]) -> float:
    """By the textbook."""
    row = [0] * (len(old) + 1)
    for word in new:
        before = list(row)
        for j, other in enumerate(old, 1):
            row[j] = before[j - 1] + 1 if word == other else max(before[j], row[j - 1])
    if not row[-1]:
        return 0.0
    precision, recall = row[-1] / len(old), row[-1] / len(new)
    return 2 * precision * recall / (precision + recall)


few_words = st.lists(st.sampled_from("abcdef"), max_size=14).map(" ".join)
thresholds = st.sampled_from([0.0, 0.3, 0.5, 0.7, 0.9, 1.0]) | st.floats(0, 1)


@given(st.lists(few_words, max_size=12), few_words, thresholds)
def test_pruning_changes_no_decision_and_no_maximum(
    old: list[str], new: str, threshold: float
) -> None:
    pool = pool_of(*old)
    exact = [f_of(new.split(), text.split()) for text in old]
    most = max(exact, default=0.0)

    found, highest = pool.find_above(new, threshold), pool.find_nearest(new)

    assert pool.measure_all(new).tolist() == exact
    assert (found is not None) == (most > threshold)
    assert found is None or found.f == exact[found.number] == most
    assert (highest.f if highest else 0.0) == most


@given(st.lists(few_words, min_size=1, max_size=8), few_words)
def test_a_threshold_that_is_met_exactly_is_not_exceeded(old: list[str], new: str) -> None:
    pool = pool_of(*old)
    most = float(pool.measure_all(new).max())

    assert pool.find_above(new, most) is None
    assert most == 0 or pool.find_above(new, float(np.nextafter(most, 0))) is not None


def test_a_larger_pool_takes_the_other_way_through_the_lists_and_decides_alike() -> None:
    rng = Random(7)
    vocabulary = [f"w{i}" for i in range(400)]
    texts = [" ".join(rng.choices(vocabulary[: rng.choice((9, 400))], k=12)) for _ in range(600)]
    pool = pool_of(*texts)

    for text in rng.sample(texts, 20):
        new = " ".join([*text.split()[:-3], "x", "y"])
        exact = pool.measure_all(new)
        for threshold in (0.2, 0.7):
            found = pool.find_above(new, threshold)
            assert found is not None
            assert found.f == exact.max()
    assert pool.find_above("w1 unheard of words", 0.7) is None


def test_an_empty_pool_has_nothing_similar() -> None:
    pool = RougeIndex()
    assert len(pool) == 0
    assert pool.find_above("a b", 0.0) is None
    assert pool.find_nearest("a b") is None
    assert pool.measure_all("a b").tolist() == []


def test_top_gives_the_highest_first() -> None:
    assert top_k(np.array([0.1, 0.9, 0.5, 0.7]), 3) == [1, 3, 2]
    assert top_k(np.array([0.1]), 3) == [0]


def test_more_different_words_than_the_surrogates_leave_room_for() -> None:
    pool = RougeIndex(str.split)
    pool.add(" ".join(f"{i}" for i in range(0xD7F0)))
    pool.add(" ".join(f"{i}" for i in range(0xD7F0, 0xD810)))

    assert pool.find_above(" ".join(f"{i}" for i in range(0xD7F0, 0xD810)), 0.99) is not None


# Words of any script


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't STOP, 3 times!", ["don", "t", "stop", "3", "times"]),
        ("Größe der Straße", ["grösse", "der", "strasse"]),
        ("写一首关于大海的诗。", list("写一首关于大海的诗")),
        ("用Python写code", ["用", "python", "写", "code"]),
        ("हिन्दी में एक कविता लिखो।", ["हिन्दी", "में", "एक", "कविता", "लिखो"]),
        ("اكتب قصيدة عن البحر، من فضلك", ["اكتب", "قصيدة", "عن", "البحر", "من", "فضلك"]),
        ("اُكْتُبْ قَصِيدَةً", ["اكتب", "قصيدة"]),
        ("می‌خواهم", ["میخواهم"]),
        ("한국어 문장을 써라", ["한국어", "문장을", "써라"]),
        ("海のうた", ["海", "の", "う", "た"]),
        ("ＦＵＬＬ　ｗｉｄｔｈ", ["full", "width"]),
        ("cafe\u0301 = café", ["café", "café"]),
        ("กิน ข้าว", ["กิ", "น", "ข้", "า", "ว"]),
        ("?!", ["?!"]),
        ("🙂🙃", ["🙂", "🙃"]),
        ("", []),
        (" \n", []),
    ],
)
def test_words_are_found_in_any_script(text: str, expected: list[str]) -> None:
    assert split_words(text) == expected


VARIANTS = {
    "Chinese": (
        "请写一首关于大海和月亮的短诗。",
        "请写一首关于大海和星星的短诗。",
        "把下面的句子翻译成英语。",
    ),
    "Hindi": (
        "समुद्र और चाँद के बारे में एक छोटी कविता लिखिए।",
        "समुद्र और तारों के बारे में एक छोटी कविता लिखिए।",
        "नीचे दिए गए वाक्य का अंग्रेज़ी में अनुवाद करें।",
    ),
    "Arabic": (
        "اكتب قصيدة قصيرة عن البحر والقمر في الليل",
        "اكتب قصيدةً قصيرةً عن البحر والنجوم في الليل",
        "ترجم الجملة التالية إلى اللغة الإنجليزية",
    ),
    "mixed": (
        "用 Python 写一个函数来排序 list 里的数字。",
        "用 Python 写一个函数来反转 list 里的数字。",
        "Explain what 排序 means in one sentence.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", VARIANTS)
def test_a_variant_is_similar_in_every_language_and_another_task_is_not(language: str) -> None:
    text, variant, other = VARIANTS[language]
    pool, blind = RougeIndex(), pool_of(text)
    pool.add(text)

    assert pool.find_above(variant, 0.7) is not None
    assert pool.find_above(other, 0.7) is None
    if language != "mixed":
        assert blind.find_above(text, 0.7) is None, "the reference's words are Latin only"
