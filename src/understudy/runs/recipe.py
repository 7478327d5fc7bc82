"""What a run is to do: one declaration, from a YAML file, the command line or Python.

    understudy run recipe.yaml budget=5 models.teacher=openai:gpt-5-mini
    understudy run self_consistency seeds=questions.jsonl samples=20
    understudy.run(seeds="questions.jsonl", steps=[{"self_consistency": {"samples": 20}}])

All become one dict, flags merged over the file, and are validated once. `resolve.py` then looks up what
the steps name.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self, cast

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from understudy.call.budget import Price
from understudy.errors import ConfigError, nearest
from understudy.filters import filters
from understudy.methods import methods
from understudy.registry import Definition, from_file
from understudy.types import Sampling, Settings


class SamplingSettings(Settings):
    """How to sample if a method does not say; unset leaves the choice to the endpoint."""

    temperature: float | None = Field(default=None, ge=0)
    top_p: float | None = Field(default=None, gt=0, le=1)
    top_k: int | None = Field(default=None, ge=0)
    min_p: float | None = Field(default=None, ge=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    repetition_penalty: float | None = None
    logit_bias: dict[str, float] = Field(default_factory=dict[str, float])

    def sampling(self) -> Sampling:
        return Sampling(**self.model_dump(exclude_defaults=True))


class ModelSettings(Settings):
    """A model and how it may be used. In a recipe, the string alone is enough."""

    model: str
    """`provider:name[@base_url]`, e.g. `openai:qwen3-8b@http://localhost:8000/v1`."""
    sampling: SamplingSettings = Field(default_factory=lambda: SamplingSettings.model_validate({}))
    """Defaults; a method's own settings override them."""
    extra: dict[str, Any] = Field(default_factory=dict[str, Any])
    """Further fields of the endpoint's dialect, e.g. `reasoning_effort: low`."""
    revision: str = ""
    """Which weights answer, e.g. a commit or a date: change it when the URL serves other weights.
    Known for the built-in models."""
    key_env: str = ""
    """The environment variable with the key, if it is not the host's usual one."""
    rpm: float | None = Field(default=None, gt=0)
    """Most requests per minute, for endpoints that do not answer 429 themselves."""
    tpm: float | None = Field(default=None, gt=0)
    """Most tokens per minute."""
    timeout: float = Field(default=600, gt=0)
    """Seconds for one request."""

    @model_validator(mode="before")
    @classmethod
    def _from_string(cls, value: Any) -> Any:
        return {"model": value} if isinstance(value, str) else value


class Step(Settings):
    """A method or filter and its settings. In a recipe: `- name: {settings}`, or just the name."""

    use: str
    """The method's or filter's name, or `./mine.py:my_method`."""
    label: str = ""
    """Its name in reports and keys; needed if a method is used twice."""
    models: dict[str, str] = Field(default_factory=dict[str, str])
    """Role of this step to role of the recipe, e.g. `{critic: judge}`."""
    settings: dict[str, Any] = Field(default_factory=dict[str, Any])

    @model_validator(mode="before")
    @classmethod
    def _from_shorthand(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"use": value}
        if isinstance(value, Mapping) and "use" not in value:
            entry = cast("Mapping[str, Any]", value)
            own = {key: entry[key] for key in ("label", "models") if key in entry}
            names = [key for key in entry if key not in own]
            if len(names) != 1:
                raise ValueError(f"expected one method or filter with its settings, found {names}.")
            return {"use": names[0], "settings": entry[names[0]] or {}, **own}
        return cast("Any", value)

    @property
    def name(self) -> str:
        return self.label or self.use.rpartition(":")[2]


class Recipe(Settings):
    """Everything a run depends on."""

    seeds: str | list[dict[str, Any]] = ""
    """Tasks: a .jsonl, .json, .csv or .parquet file (extra `parquet`), `hf:org/name` (extra `hub`),
    `builtin:NAME`, or a list; by default the seeds that come with the first step's method."""
    columns: dict[str, str] = Field(default_factory=dict[str, str])
    """Task field to column of the seeds, e.g. `{prompt: question, reference: answer}`."""
    strict: bool = False
    """Stop at a broken seed instead of writing a failure row."""
    models: dict[str, ModelSettings] = Field(default_factory=dict[str, ModelSettings])
    """Role to model; `teacher` is used for every role that is not named."""
    embedder: ModelSettings = Field(default_factory=lambda: ModelSettings.model_validate("hashing"))
    """The embedder for methods that compare texts: `hashing`, the built-in one, or e.g.
    `openai:text-embedding-3-small`."""
    steps: list[Step] = Field(min_length=1)
    """Methods and filters, in order."""
    seed: int = 0
    """Decides every random choice that a method makes."""
    n: int | None = Field(default=None, ge=1)
    """Stop at this many accepted examples."""
    max_seeds: int | None = Field(default=None, ge=1)
    """Try at most this many seeds."""
    on_error: Literal["stop", "row"] = "stop"
    """What happens on an error in a method's own code: the run stops, or its task gets a failure row."""
    out: Path = Path()
    """The run folder; `runs/NAME` by default."""
    reuse: list[Path] = Field(default_factory=list[Path])
    """Other run folders whose replies are used instead of asking again."""
    budget: float | None = Field(default=None, ge=0)
    """Most dollars, over all attempts of the run."""
    prices: dict[str, Price] = Field(default_factory=dict[str, Price])
    """Model name to dollars per million tokens; overrides the shipped table."""
    license: str = ""
    """The data set's licence for its card, e.g. `cc-by-4.0`."""
    sandbox: str = "auto"
    """The isolation of programs that models wrote: `auto` takes the first of namespaces, bubblewrap
    and landlock that works on this machine; `docker:IMAGE`, `podman:IMAGE`; `unsafe-subprocess`."""
    concurrency: int = Field(default=512, ge=1)
    """Most tasks in progress, and most calls in flight per endpoint."""
    attempts: int = Field(default=8, ge=1)
    """Tries per call."""
    down_after: float = Field(default=60, gt=0)
    """Seconds of nothing but failures after which an endpoint counts as down."""

    @field_validator("steps")
    @classmethod
    def _unlike_labels(cls, steps: list[Step]) -> list[Step]:
        names = [step.name for step in steps]
        for name in names:
            if names.count(name) > 1 or name == SEEDS:
                raise ValueError(f"two steps are called {name!r}: give one a `label`")
        return steps

    @classmethod
    def of(cls, data: Mapping[str, Any], name: str = "run") -> Self:
        """The recipe these settings describe; `name` gives the default run folder.

        Raises:
            ConfigError: one line per mistake, with the nearest correct spelling.
        """
        try:
            recipe = cls.model_validate(dict(data))
        except ValidationError as error:
            raise ConfigError(_explain(error, cls, "recipe")) from None
        if recipe.out == Path():
            recipe = recipe.model_copy(update={"out": Path("runs") / name})
        return recipe


SEEDS = "seeds"
"""The label under which broken seeds are reported."""

RENAMED = {"candidates": "max_seeds", "patience": "down_after"}
"""Keys of older recipes, and what they are called now."""


def find(use: str) -> Definition:
    """The method or filter that a recipe names so.

    Raises:
        ConfigError: there is none.
    """
    if ":" in use:
        return from_file(use, (methods, filters))
    if (definition := methods.get(use) or filters.get(use)) is not None:
        return definition
    raise ConfigError(
        f"no method or filter {use!r}{nearest(use, [*methods.names(), *filters.names()])}"
    )


def step_config(step: Step, definition: Definition | None = None) -> Settings:
    """The settings of a step, validated by the `Config` of its definition."""
    kind = (definition or find(step.use)).config
    try:
        return kind.model_validate(step.settings)
    except ValidationError as error:
        raise ConfigError(_explain(error, kind, step.name)) from None


def load(target: str, flags: Sequence[str]) -> Recipe:
    """The recipe of a command line: a YAML file or a method's name, and `dotted.key=value` flags.

    After a method's name, a key that is one of its settings needs no prefix.
    """
    if target.endswith((".yaml", ".yml")):
        data, name = _read(Path(target)), Path(target).stem
        own = set[str]()
    else:
        definition = find(target)
        step: dict[str, Any] = {"use": target, "settings": {}}
        data, name = {"steps": [step]}, definition.name
        own = set(definition.config.model_fields)
    for flag in flags:
        key, equals, value = flag.partition("=")
        if not equals:
            raise ConfigError(f"{flag!r}: expected a setting, written key=value.")
        path = key.split(".")
        if path[0] not in own and path[0] not in Recipe.model_fields:
            keys = [*own, *Recipe.model_fields]
            raise ConfigError(f"{target}: {_unknown(key, path[0], keys)}")
        if path[0] in own:
            path = ["steps", "0", "settings", *path]
        _set(data, path, _value(flag, value), flag)
    return Recipe.of(data, name)


def _read(path: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: expected a recipe, {error.strerror}.") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: expected YAML: {error}") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: expected `key: value` lines, found {type(data).__name__}.")
    return cast("dict[str, Any]", data)


def _value(flag: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"{flag!r}: the value is not YAML; put it in quotes.") from None


def _set(data: Any, path: Sequence[str], value: Any, flag: str) -> None:
    """Set what `path` leads to in nested dicts and lists; `data` is one of both."""
    place: Any = path[0]
    rest = list(path[1:])
    if isinstance(data, list):
        steps = cast("list[Any]", data)
        place = _place(steps, path[0], flag)
        if rest and (step := _step(steps[place])) is not None:
            steps[place] = step.model_dump(exclude_defaults=True)
            if rest[0] not in Step.model_fields:
                rest = ["settings", *rest]
    if not rest:
        data[place] = value
        return
    child: Any = cast("Any", data)[place] if isinstance(data, list) else data.get(place)
    if isinstance(child, str):  # of a model, the string alone
        data[place] = child = {"model": child}
    elif not isinstance(child, (dict, list)):
        data[place] = child = dict[str, Any]()
    _set(cast("Any", child), rest, value, flag)


def _place(steps: list[Any], key: str, flag: str) -> int:
    """Where the step stands that is named so, or numbered so."""
    if key.isdecimal() and int(key) < len(steps):
        return int(key)
    names = ["" if (step := _step(entry)) is None else step.name for entry in steps]
    if key in names:
        return names.index(key)
    raise ConfigError(f"{flag!r}: no step {key!r}{nearest(key, names)}")


def _step(entry: Any) -> Step | None:
    try:
        return Step.model_validate(entry)
    except ValidationError:
        return None


def _explain(error: ValidationError, kind: type[Settings], where: str) -> str:
    lines: list[str] = []
    for e in error.errors():
        path = [str(part) for part in e["loc"]]
        key = ".".join(path)
        if e["type"] == "extra_forbidden":
            keys = kind.model_fields if len(path) == 1 else _fields_at(kind, path)
            lines.append(f"{where}: {_unknown(key, path[-1], keys)}")
        elif e["type"] == "missing":
            lines.append(f"{where}: {key} is missing.")
        else:
            message, value = e["msg"].removeprefix("Value error, "), repr(e["input"])
            value = value if len(value) <= LONGEST else f"{value[:LONGEST]}..."
            # A rule over several settings has no key of its own; some rules say what they found.
            place = f"{where}: {key}" if key else where
            message = f"{place}: {message[:1].lower()}{message[1:]}"
            lines.append(message if ", found" in message else f"{message}, found {value}.")
    return "\n".join(lines)


def _unknown(key: str, name: str, keys: Iterable[str]) -> str:
    """What is wrong with a key that is none of `keys`."""
    if name in RENAMED and RENAMED[name] in keys:
        return f"{name} is now called {RENAMED[name]}."
    return f"no setting {key!r}{nearest(name, keys)}"


LONGEST = 200
"""Characters of a wrong value that a message shows."""


def _fields_at(kind: type[Settings], path: Sequence[str]) -> Sequence[str]:
    kinds = {"models": ModelSettings, "sampling": SamplingSettings, "steps": Step, "prices": Price}
    for part in reversed(path[:-1]):
        if part in kinds:
            return list(kinds[part].model_fields)
    return list(kind.model_fields)
