"""A Llama in plain PyTorch whose parameter names are those of Hugging Face's LlamaForCausalLM."""

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Shape:
    """Sizes of a model, named as in a Hugging Face Llama configuration."""

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    vocab_size: int = 1024
    max_position_embeddings: int = 1024
    rms_norm_eps: float = 1e-5
    rope_theta: float = 10000.0
    tie_word_embeddings: bool = True

    def config(self) -> dict[str, int | float | bool]:
        return asdict(self)


TEACHER = Shape(256, 640, 3, 4, 1)
STUDENT = Shape(128, 352, 3, 4, 1)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding in the half-split layout of Hugging Face."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


class Cache:
    """Keys and values of one batch, written up to `length`."""

    def __init__(self, shape: Shape, batch: int, size: int, device: torch.device) -> None:
        head = shape.hidden_size // shape.num_attention_heads
        dims = (shape.num_hidden_layers, batch, shape.num_key_value_heads, size, head)
        self.keys, self.values = torch.zeros(dims, device=device), torch.zeros(dims, device=device)
        self.length = 0


class Attention(nn.Module):
    def __init__(self, shape: Shape, layer: int) -> None:
        super().__init__()
        d, self.layer = shape.hidden_size, layer
        self.heads, self.kv_heads = shape.num_attention_heads, shape.num_key_value_heads
        kv = d // self.heads * self.kv_heads
        self.q_proj = nn.Linear(d, d, bias=False)
        self.k_proj = nn.Linear(d, kv, bias=False)
        self.v_proj = nn.Linear(d, kv, bias=False)
        self.o_proj = nn.Linear(d, d, bias=False)

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, cache: Cache | None, mask: Tensor | None
    ) -> Tensor:
        n, t, d = x.shape
        q = self.q_proj(x).view(n, t, self.heads, -1).transpose(1, 2)
        k = self.k_proj(x).view(n, t, self.kv_heads, -1).transpose(1, 2)
        v = self.v_proj(x).view(n, t, self.kv_heads, -1).transpose(1, 2)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if cache is not None:
            at = slice(cache.length, cache.length + t)
            cache.keys[self.layer, :, :, at], cache.values[self.layer, :, :, at] = k, v
            k = cache.keys[self.layer, :, :, : at.stop]
            v = cache.values[self.layer, :, :, : at.stop]
        k, v = (x.repeat_interleave(self.heads // self.kv_heads, 1) for x in (k, v))
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
        return self.o_proj(y.transpose(1, 2).reshape(n, t, d))


class Mlp(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        d, ff = shape.hidden_size, shape.intermediate_size
        self.gate_proj = nn.Linear(d, ff, bias=False)
        self.up_proj = nn.Linear(d, ff, bias=False)
        self.down_proj = nn.Linear(ff, d, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, shape: Shape, layer: int) -> None:
        super().__init__()
        self.self_attn = Attention(shape, layer)
        self.mlp = Mlp(shape)
        self.input_layernorm = nn.RMSNorm(shape.hidden_size, eps=shape.rms_norm_eps)
        self.post_attention_layernorm = nn.RMSNorm(shape.hidden_size, eps=shape.rms_norm_eps)

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, cache: Cache | None, mask: Tensor | None
    ) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), cos, sin, cache, mask)
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(shape.vocab_size, shape.hidden_size)
        self.layers = nn.ModuleList(Layer(shape, i) for i in range(shape.num_hidden_layers))
        self.norm = nn.RMSNorm(shape.hidden_size, eps=shape.rms_norm_eps)


class Llama(nn.Module):
    """Token ids to logits; the output matrix is the embedding."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.model = Decoder(shape)
        head = shape.hidden_size // shape.num_attention_heads
        rates = shape.rope_theta ** (-torch.arange(0, head, 2).float() / head)
        angles = torch.arange(shape.max_position_embeddings).float()[:, None] * rates
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        self.apply(self._start)
        for layer in self.model.layers:  # residual writers start at zero (as in nanochat)
            nn.init.zeros_(layer.self_attn.o_proj.weight)
            nn.init.zeros_(layer.mlp.down_proj.weight)

    @staticmethod
    def _start(module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=module.weight.shape[1] ** -0.5)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.05)

    def forward(
        self,
        ids: Tensor,
        cache: Cache | None = None,
        positions: Tensor | None = None,
        mask: Tensor | None = None,
        last: bool = False,
    ) -> Tensor:
        """Logits of each position, or of the last only; `positions` where rows are shifted."""
        x = self.model.embed_tokens(ids)
        if positions is None:
            cos, sin = self.cos[: ids.shape[1]], self.sin[: ids.shape[1]]
        else:
            cos, sin = self.cos[positions][:, None], self.sin[positions][:, None]
        for layer in self.model.layers:
            x = layer(x, cos, sin, cache, mask)
        if cache is not None:
            cache.length += ids.shape[1]
        x = self.model.norm(x[:, -1:] if last else x)
        return F.linear(x, self.model.embed_tokens.weight)
