"""A request is written down once."""

from pathlib import Path

import msgspec
import pytest
from harness import Bench

from understudy.call import canonical
from understudy.call import model as model_module
from understudy.call.canonical import canonical_of
from understudy.journal import keys
from understudy.providers.scripted import Scripted
from understudy.types import Call, Image, Request, user


async def test_a_request_is_put_into_canonical_form_once_however_many_draws_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forms = list[object]()

    def count(request: object) -> object:
        forms.append(request)
        return original(request)  # type: ignore[arg-type]  # what canonical takes

    original = canonical.canonical
    for module in (canonical, model_module):
        monkeypatch.setattr(module, "canonical", count)
    picture = Image(media_type="image/png", data=b"\x89PNG" * 1000)
    async with Bench(tmp_path / "j.db") as bench:
        bench.budget.limit = 1_000.0
        model = bench.model(Scripted(lambda call: "x")).at("s", "t")
        await model.sample([user("what is this?", picture)], 20)
    assert len(forms) == 1


CALL = Call(step="s", task="t", role="r", request=Request(model="m", messages=(user("x 1"),)))


def formed(text: str) -> Call:
    """A call whose handle has put its request into canonical form."""
    request = Request(model="m", messages=(user(text),))
    form = keys.canonical(request)
    return msgspec.structs.replace(CALL, request=request, form=(request, form))


def change(call: Call, text: str) -> Call:
    """What a layer does to a call."""
    request = msgspec.structs.replace(call.request, messages=(user(text),))
    return msgspec.structs.replace(call, request=request)


def test_a_call_without_a_form_is_put_into_it() -> None:
    assert canonical_of(CALL) == keys.canonical(CALL.request)


def test_the_form_that_the_handle_made_is_used_as_it_is() -> None:
    call = formed("x")
    assert call.form is not None
    assert canonical_of(call) is call.form[1]


def test_a_changed_request_is_stored_as_it_was_changed() -> None:
    form = canonical_of(change(formed("x 1"), "x #"))
    assert [turn.message for turn in form.turns] == [user("x #")]


def test_the_digest_of_a_changed_request_is_of_what_it_was_and_of_what_it_is() -> None:
    one, other = change(formed("x 1"), "x #"), change(formed("x 2"), "x #")
    plain = keys.canonical(one.request)
    digests = [canonical_of(one).hash, canonical_of(other).hash, plain.hash]
    digests += [canonical_of(formed("x 1")).hash, canonical_of(change(formed("x 1"), "y #")).hash]
    assert len(set(digests)) == len(digests)
    assert canonical_of(change(formed("x 1"), "x #")).hash == digests[0]
