"""The canonical form of a call's request, made once: by the handle that asks."""

from hashlib import blake2b

from understudy.journal.keys import canonical
from understudy.types import Call, Canonical


def canonical_of(call: Call) -> Canonical:
    """What is asked, in the form that is hashed, stored and measured.

    A layer may have changed the request. Then the digest is of what is asked now and of what was
    asked first: two requests that a layer makes equal are still two, and their draws do not mix.
    """
    if call.form is None:
        return canonical(call.request)
    original, form = call.form
    if original is call.request:
        return form
    changed = canonical(call.request)
    return changed._replace(hash=blake2b(form.hash + changed.hash, digest_size=16).digest())
