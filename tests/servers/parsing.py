"""A method for the jobs of this folder: the model has to fill in a form."""

from typing import Literal

from pydantic import Field

from understudy.call.model import Model
from understudy.methods import method
from understudy.types import Example, Sampling, Settings, Task


class Config(Settings):
    max_tokens: int = Field(400, ge=1)
    """Too few for the form, and no reply can be read."""


class Form(Settings):
    """No free text: a model that says nonsense could fill any number of tokens with it."""

    colour: Literal["red", "green", "blue"]
    number: int = Field(ge=0, le=99)
    sure: bool
    letters: list[Literal["a", "b"]] = Field(min_length=1, max_length=3)


@method(paper="")
async def fill_in(task: Task, teacher: Model, config: Config) -> Example:
    """The form as the model filled it in; `meta.form` has it as JSON."""
    sampling = Sampling(temperature=0.7, max_tokens=config.max_tokens)
    form = await teacher.parse(task.prompt, Form, sampling)
    return task.example(form.model_dump_json(), form=form.model_dump())
