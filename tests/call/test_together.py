"""Questions that are asked at the same moment go out in one request."""

import asyncio
from collections.abc import Sequence

import pytest

from understudy.call.model import gather
from understudy.call.together import Together
from understudy.errors import Rejected, Unavailable


class Post:
    """Answers each word with itself in capitals; remembers what went out together."""

    def __init__(self, *errors: BaseException, most: int = 100, answers: int = 100) -> None:
        self.batches = list[list[str]]()
        self.errors = list(errors)
        self.most = most
        self.answers = answers
        self.begun = asyncio.Semaphore(0)
        self.gate = asyncio.Event()
        self.gate.set()

    async def send(self, words: Sequence[str]) -> list[str]:
        self.batches.append(list(words))
        self.begun.release()
        await self.gate.wait()
        if self.errors:
            raise self.errors.pop(0)
        if "bad" in words:
            raise Rejected("a bad word")
        return [word.upper() for word in words][: self.answers]

    def together(self, *, separate: bool = True) -> Together[str, str]:
        return Together(
            send=self.send,
            key=lambda word: word[:1].encode() if word.isdigit() else b"",
            fits=lambda words, word: len(words) < self.most,
            separate=lambda words: separate,
        )


async def outcome(together: Together[str, str], word: str) -> str:
    try:
        return await together.ask(word)
    except (Rejected, Unavailable) as error:
        return f"{type(error).__name__}: {error}"


async def ask_all(together: Together[str, str], *words: str) -> list[str]:
    return await gather(outcome(together, word) for word in words)


async def test_what_is_asked_at_the_same_moment_goes_out_together_and_each_gets_its_own() -> None:
    post = Post()
    assert await ask_all(post.together(), "a", "b", "c") == ["A", "B", "C"]
    assert post.batches == [["a", "b", "c"]]


async def test_what_is_asked_later_goes_out_by_itself() -> None:
    post = Post()
    together = post.together()
    assert [await together.ask("a"), await together.ask("b")] == ["A", "B"]
    assert post.batches == [["a"], ["b"]]


async def test_a_question_does_not_join_a_batch_that_is_under_way() -> None:
    post = Post()
    together = post.together()
    post.gate.clear()
    first = asyncio.ensure_future(together.ask("a"))
    await post.begun.acquire()
    second = asyncio.ensure_future(together.ask("b"))
    await post.begun.acquire()
    post.gate.set()
    assert await gather([first, second]) == ["A", "B"]
    assert post.batches == [["a"], ["b"]]


async def test_only_questions_of_one_key_go_out_together() -> None:
    post = Post()
    assert await ask_all(post.together(), "1", "2", "10", "a") == ["1", "2", "10", "A"]
    assert post.batches == [["1", "10"], ["2"], ["a"]]


async def test_a_question_that_does_not_fit_begins_the_next_batch() -> None:
    post = Post(most=2)
    assert await ask_all(post.together(), *"abcde") == list("ABCDE")
    assert post.batches == [["a", "b"], ["c", "d"], ["e"]]


async def test_those_for_whom_no_answer_came_ask_alone() -> None:
    post = Post(answers=2)
    assert await ask_all(post.together(), *"abcd") == list("ABCD")
    assert post.batches == [["a", "b", "c", "d"], ["c"], ["d"]]


async def test_a_refusal_of_several_is_asked_for_one_by_one() -> None:
    post = Post()
    assert await ask_all(post.together(), "a", "bad", "c") == ["A", "Rejected: a bad word", "C"]
    assert sorted(map(tuple, post.batches[1:])) == [("a",), ("bad",), ("c",)]


async def test_a_refusal_that_is_not_to_be_separated_is_that_of_all() -> None:
    post = Post()
    results = await ask_all(post.together(separate=False), "a", "bad")
    assert results == ["Rejected: a bad word"] * 2
    assert len(post.batches) == 1


async def test_a_refused_question_alone_is_not_asked_again() -> None:
    post = Post()
    assert await ask_all(post.together(), "bad") == ["Rejected: a bad word"]
    assert len(post.batches) == 1


async def test_any_other_failure_is_that_of_all() -> None:
    post = Post(Unavailable("503"))
    assert await ask_all(post.together(), "a", "b") == ["Unavailable: 503"] * 2
    assert len(post.batches) == 1


@pytest.mark.parametrize("begun", [False, True])
async def test_whoever_waits_does_not_end_with_the_one_who_sends(begun: bool) -> None:
    post = Post()
    together = post.together()
    post.gate.clear()
    sender, other = (asyncio.ensure_future(together.ask(word)) for word in "ab")
    await asyncio.sleep(0)
    if begun:
        await post.begun.acquire()
    sender.cancel()
    post.gate.set()
    assert await other == "B"
    assert sender.cancelled()
    assert post.batches == ([["a", "b"], ["b"]] if begun else [["b"]])


async def test_one_who_waits_and_is_cancelled_does_not_harm_the_others() -> None:
    post = Post()
    together = post.together()
    first, second, third = (asyncio.ensure_future(together.ask(word)) for word in "abc")
    await asyncio.sleep(0)
    second.cancel()
    assert await gather([first, third]) == ["A", "C"]
    assert second.cancelled()


async def test_asking_alone_joins_nobody() -> None:
    post = Post()
    together = post.together()
    assert await gather([together.ask_alone("a"), together.ask("b"), together.ask("c")]) == [
        "A", "B", "C",
    ]  # fmt: skip
    assert post.batches == [["a"], ["b", "c"]]


async def test_all_callers_wake_in_one_turn_of_the_loop_the_sender_first() -> None:
    """So that what they do with their answers before they wait again, such as handing them to the
    journal, is done for all or for none."""
    turns = [0]

    def count() -> None:
        turns[0] += 1
        asyncio.get_running_loop().call_soon(count)

    async def send(questions: Sequence[str]) -> Sequence[str]:
        await asyncio.sleep(0)
        return questions

    together = Together[str, str](send, lambda _: b"", lambda *_: True, lambda _: False)
    wakes = list[tuple[str, int]]()

    async def ask(question: str) -> None:
        wakes.append((await together.ask(question), turns[0]))

    count()
    await asyncio.gather(*(ask(question) for question in "abc"))

    assert [question for question, _ in wakes] == ["a", "b", "c"]
    assert len({turn for _, turn in wakes}) == 1
