"""Programs in another language, to be written in Python."""

from debug_bench import GAMED, HIDDEN, RIGHT, VISIBLE, code, one, talk
from inline_snapshot import snapshot

from understudy.providers.scripted import Scripted
from understudy.types import Task

CPP = "int f(int x) {\n  return 2 * x;\n}"


async def test_a_translation_shows_all_tests_and_explains_both_programs() -> None:
    task = Task(prompt=CPP, tests=(VISIBLE, HIDDEN))
    teacher = Scripted([*code(GAMED), "They differ.", *code(RIGHT)])
    example = await one(teacher, task, language="translation", feedback="unit_test_explanation")
    assert talk(teacher) == snapshot("""\
[user] Translate this program to Python. Keep the names of its functions.
int f(int x) {
  return 2 * x;
}
Your code should pass these tests:
assert f(3) == 6
assert f(10) == 20
[assistant] ```python
def f(x):
    if x == 3:
        return 6
    return x + 1
```
[user] The code above is wrong. The test assert f(10) == 20 fails: it returned 11.
Explain the given program line by line, then the code above line by line, and compare what the two do.
[assistant] They differ.
[user] The code above is wrong. Fix the code.\
""")
    assert example.scores == {"visible": 1, "hidden": 1}
