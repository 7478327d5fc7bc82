"""A Llama in NumPy: token ids in, logits out.

Root-mean-square norms, rotary positions, grouped key and value heads, a gated SiLU network and an
output matrix that is the embedding, as in Hugging Face's `LlamaForCausalLM`, in single precision.
Work that is the same for every token is done once, on the weights: the factors of the norms and the
scale of attention are multiplied in; queries, keys and values become one matrix; the gate is
negated, since its exponential needs that; the rows of queries and keys are paired, so that a
rotation is one complex product.

Rounding: with another number of rows, a matrix product may add in another order. So the logits of a
sequence can differ in their last bits (about 1e-6) between batches and machines. Nothing else
depends on the other sequences in the batch.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from understudy.pocket.cache import Group, Prompt, RowBatch
from understudy.pocket.weights import Floats, Shape, Weights


class _Layer(NamedTuple):
    """One block's matrices, as (inputs, outputs)."""

    qkv: Floats
    out: Floats
    gate: Floats
    up: Floats
    down: Floats


class _RowPoolView(NamedTuple):
    """A pool with room for one more token in each row."""

    own: slice
    """Its rows in the batch."""
    row: NDArray[np.intp]
    length: NDArray[np.intp]
    kv: Floats
    mask: Floats
    groups: list[Group]


class Read(NamedTuple):
    """A prompt that was read, with the states of its new tokens."""

    prompt: Prompt
    states: Floats
    """(token, width): the last hidden state at each token after the cached prefix."""


class Decoder:
    """The network. It holds weights only; the caller owns the sequences, in a `RowBatch`."""

    def __init__(self, weights: Weights) -> None:
        """Raises ValueError if a matrix is missing or its size does not match the configuration."""
        self.shape = shape = weights.shape
        tensor_of = _TensorReader(weights.tensors)
        self._embedding = tensor_of("model.embed_tokens.weight", shape.vocabulary, shape.width)
        self._layers = [_layer(tensor_of, i, shape) for i in range(shape.layers)]
        factor = tensor_of("model.norm.weight", shape.width)
        self._head = np.ascontiguousarray((self._embedding * factor).T)
        rates = shape.theta ** (-np.arange(0, shape.head, 2) / shape.head)
        angles = np.arange(shape.context)[:, None] * rates
        self._turns: NDArray[np.complex64] = np.exp(1j * angles).astype(np.complex64)[:, None]

    def read(self, ids: Sequence[int], prefix: Prompt | None = None) -> Read:
        """Read a prompt. `prefix` is a cached beginning of it, which is not read again.

        Prompts are read one at a time: those of different lengths would need padding, and one
        prompt has enough rows for an efficient matrix product.
        """
        start, stop = len(prefix.ids) if prefix else 0, len(ids)
        s = self.shape
        kv = np.empty((2, s.layers, s.kv_heads, stop, s.head), np.float32)
        if prefix is not None:
            kv[:, :, :, :start] = prefix.kv
        x = self._embedding[np.asarray(ids[start:], np.intp)]
        turns = self._turns[start:stop]
        later = np.arange(stop) > np.arange(start, stop)[:, None]
        mask = np.where(later, np.float32(-np.inf), np.float32(0))
        for i, layer in enumerate(self._layers):
            q, k, v = self._project(x, layer, turns)
            kv[0, i, :, start:], kv[1, i, :, start:] = k.swapaxes(0, 1), v.swapaxes(0, 1)
            context = self._attend_prompt(q, kv[:, i], mask)
            x = self._finish(x, context, layer)
        return Read(Prompt(tuple(ids), kv), x)

    def step(self, batch: RowBatch[Any], tokens: Sequence[int]) -> Floats:
        """Add one token to every row of the batch; (row, vocabulary) logits of the next."""
        x = self._embedding[np.asarray(tokens, np.intp)]
        turns = self._turns[batch.positions]
        views: list[_RowPoolView] = []
        first = 0
        for pool in batch.pools:
            kv, mask = pool.open()
            rows = len(pool.owners)
            own, row = slice(first, first + rows), np.arange(rows)
            views.append(_RowPoolView(own, row, pool.lengths, kv, mask, pool.groups))
            first = own.stop
        for i, layer in enumerate(self._layers):
            q, k, v = self._project(x, layer, turns)
            context = np.empty((first, self.shape.heads * self.shape.head), np.float32)
            for pool in views:
                keys, values = pool.kv[0, i], pool.kv[1, i]
                keys[pool.row, :, pool.length] = k[pool.own]
                values[pool.row, :, pool.length] = v[pool.own]
                context[pool.own] = self._attend_rows(q[pool.own], pool, i)
            x = self._finish(x, context, layer)
        for pool in batch.pools:
            pool.close()
        return self.logits(x)

    def logits(self, states: Floats) -> Floats:
        """(row, vocabulary) of (row, width)."""
        return np.matmul(self._norm(states), self._head)

    def _project(
        self, x: Floats, layer: _Layer, turns: NDArray[np.complex64]
    ) -> tuple[Floats, Floats, Floats]:
        """Queries, keys and values as (row, head, head size), rotated to their positions."""
        s = self.shape
        qkv = (self._norm(x) @ layer.qkv).reshape(len(x), -1, s.head)
        rotary = s.heads + s.kv_heads
        qk = (qkv[:, :rotary].view(np.complex64) * turns).view(np.float32)
        return qk[:, : s.heads], qk[:, s.heads :], qkv[:, rotary:]

    def _attend_prompt(self, q: Floats, kv: Floats, mask: Floats) -> Floats:
        """(token, heads * head size): attention of each token of a prompt over the tokens up to
        itself."""
        s, rows = self.shape, len(q)
        groups = s.heads // s.kv_heads
        q = q.reshape(rows, s.kv_heads, groups, s.head).transpose(1, 2, 0, 3)
        scores = q @ kv[0][:, None].swapaxes(2, 3)
        scores += mask
        context = _weigh(scores, kv[1][:, None])
        return context.transpose(2, 0, 1, 3).reshape(rows, -1)

    def _attend_rows(self, q: Floats, pool: "_RowPoolView", layer: int) -> Floats:
        """(row, heads * head size): attention of the newest token of each row over its own row
        and its shared prompt."""
        s, rows = self.shape, len(q)
        keys, values = pool.kv[0, layer], pool.kv[1, layer]
        q = q.reshape(rows, s.kv_heads, s.heads // s.kv_heads, s.head)
        if not pool.groups:
            scores = q @ keys.swapaxes(2, 3)
            scores += pool.mask
            return _weigh(scores, values).reshape(rows, -1)
        longest = max(len(group.prompt.ids) for group in pool.groups)
        scores = np.full((*q.shape[:3], longest + keys.shape[2]), -np.inf, np.float32)
        for group in pool.groups:
            queries = _by_head(q[group.rows])
            products = queries @ group.prompt.kv[0, layer].swapaxes(1, 2)
            scores[group.rows, ..., : products.shape[-1]] = _by_row(products, len(group.rows))
        np.add(q @ keys.swapaxes(2, 3), pool.mask, out=scores[..., longest:])
        total = _soften(scores)
        context = scores[..., longest:] @ values
        for group in pool.groups:
            weights = _by_head(scores[group.rows, ..., : len(group.prompt.ids)])
            context[group.rows] += _by_row(weights @ group.prompt.kv[1, layer], len(group.rows))
        context /= total
        return context.reshape(rows, -1)

    def _finish(self, x: Floats, context: Floats, layer: _Layer) -> Floats:
        x = x + np.matmul(context, layer.out)
        normal = self._norm(x)
        against, up = normal @ layer.gate, normal @ layer.up
        with np.errstate(over="ignore"):  # infinity: the gate is closed
            shut = np.exp(against)
        shut += 1
        against /= shut
        against *= up
        x += against @ layer.down
        return x

    def _norm(self, x: Floats) -> Floats:
        squares = np.einsum("ij,ij->i", x, x)
        squares /= self.shape.width
        squares += self.shape.epsilon
        scale: Floats = 1 / np.sqrt(squares)
        return x * scale[:, None]


def _weigh(scores: Floats, values: Floats) -> Floats:
    """The mean of the values under the softmax of the scores. Overwrites the scores."""
    total = _soften(scores)
    context = scores @ values
    context /= total
    return context


def _soften(scores: Floats) -> Floats:
    """Turn scores into the numerators of the softmax, in place; returns their sums."""
    scores -= scores.max(-1, keepdims=True)
    np.exp(scores, out=scores)
    # On short rows a matrix product adds four times as fast as `sum`.
    total = np.matmul(scores.reshape(-1, scores.shape[-1]), np.ones(scores.shape[-1], np.float32))
    return total.reshape(*scores.shape[:-1], 1)


def _by_head(rows: Floats) -> Floats:
    """(row, key head, group, n) as (key head, row and group, n): one product per key head."""
    return rows.swapaxes(0, 1).reshape(rows.shape[1], -1, rows.shape[3])


def _by_row(heads: Floats, rows: int) -> Floats:
    """The inverse of `_by_head`."""
    return heads.reshape(heads.shape[0], rows, -1, heads.shape[2]).swapaxes(0, 1)


class _TensorReader:
    """Returns tensors by name and checks their size."""

    def __init__(self, tensors: dict[str, Floats]) -> None:
        self._tensors = tensors

    def __call__(self, name: str, *size: int) -> Floats:
        tensor = self._tensors.get(name)
        if tensor is None or tensor.shape != size:
            has = "none" if tensor is None else str(tensor.shape)
            raise ValueError(f"expected a tensor {name} of {size}, found {has}")
        return tensor


def _layer(tensor_of: _TensorReader, index: int, shape: Shape) -> _Layer:
    at = f"model.layers.{index}"
    q_size, kv_size = shape.heads * shape.head, shape.kv_heads * shape.head

    def attention(name: str, *size: int) -> Floats:
        return tensor_of(f"{at}.self_attn.{name}_proj.weight", *size)

    before = tensor_of(f"{at}.input_layernorm.weight", shape.width)
    after = tensor_of(f"{at}.post_attention_layernorm.weight", shape.width)
    q = attention("q", q_size, shape.width) * np.float32(shape.head**-0.5)
    qkv = [
        _pair_rows(q, shape.head),
        _pair_rows(attention("k", kv_size, shape.width), shape.head),
        attention("v", kv_size, shape.width),
    ]
    gate, up, down = (
        tensor_of(f"{at}.mlp.{name}_proj.weight", *size)
        for name, size in (
            ("gate", (shape.inner, shape.width)),
            ("up", (shape.inner, shape.width)),
            ("down", (shape.width, shape.inner)),
        )
    )
    return _Layer(
        qkv=np.ascontiguousarray((np.concatenate(qkv) * before).T),
        out=np.ascontiguousarray(attention("o", shape.width, q_size).T),
        gate=np.ascontiguousarray((-gate * after).T),
        up=np.ascontiguousarray((up * after).T),
        down=np.ascontiguousarray(-down.T),
    )


def _pair_rows(rows: Floats, head: int) -> Floats:
    """Rotary positions rotate row i together with row i + head / 2: place them side by side."""
    heads = rows.reshape(-1, 2, head // 2, rows.shape[1])
    return heads.swapaxes(1, 2).reshape(rows.shape)
