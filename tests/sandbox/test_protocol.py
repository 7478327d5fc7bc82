"""The nouns: what is left out of their JSON, and which test failed first."""

import msgspec

from understudy.sandbox.protocol import Outcome, Program, TestResult


def test_defaults_are_left_out_of_a_programs_json() -> None:
    assert msgspec.json.encode(Program(source="x")) == b'{"source":"x"}'


def test_an_outcome_survives_the_journal() -> None:
    result = TestResult("assert f() == 1", False, "2", "1")
    outcome = Outcome(status="failed", tests=(result,), values=("1",), raised=(False,), line=3)
    assert msgspec.json.decode(msgspec.json.encode(outcome), type=Outcome) == outcome


def test_the_first_failure_is_that_of_the_first_test_that_did_not_pass() -> None:
    good, bad, worse = TestResult("a", True), TestResult("b", False), TestResult("c", False)
    assert Outcome(status="failed", tests=(good, bad, worse)).first_failure == bad
    assert Outcome(status="passed", tests=(good,)).first_failure is None
    assert Outcome(status="error").first_failure is None


def test_only_the_status_says_that_a_program_passed() -> None:
    assert Outcome(status="passed").passed
    assert not Outcome(status="error", tests=(TestResult("a", True),)).passed
