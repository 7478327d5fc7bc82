"""Handles: how a method acts on the world. A parameter annotated with one of these types is bound.

A new kind of handle is a file here and a line in `HANDLES`.
"""

from collections.abc import Callable
from random import Random

from understudy.call.model import Model
from understudy.handles.embedder import Embedder
from understudy.handles.memo import Memo
from understudy.handles.rng import Seeded
from understudy.handles.sandbox import Sandbox
from understudy.handles.world import Handle, World

HANDLES: dict[type, Callable[[World, str], Handle]] = {
    Model: lambda world, name: world.model(name),
    Sandbox: lambda world, _: Sandbox(world.execute, world.journal, world.tally),
    Embedder: lambda world, _: Embedder(world.embedder(), world.journal, world.tally),
    Memo: lambda world, _: Memo(world.journal),
    Random: lambda world, _: Seeded(world.seed),
}
"""Annotation to what opens such a handle. The name is that of the parameter; for a model, of the
recipe's model that the role is bound to."""
