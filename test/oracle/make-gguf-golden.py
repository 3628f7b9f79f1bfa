"""Writes ../golden/gguf.json: what the gguf package makes of the golden formula's weights, tensor by tensor.

Query and key rows are permuted as llama.cpp's converter does it; matrices are quantized by the package, which promises
the bytes of ggml itself.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, QuantError
from gguf.quants import quantize

from golden_formula import golden_weight

TYPES = ["F32", "F16", "BF16", "Q8_0"]
MODELS = {
    "grouped queries, untied": dict(V=261, C=64, F=96, L=2, H=4, G=2, D=16, tied=False),
    "rows that are no whole number of blocks, tied": dict(V=259, C=48, F=80, L=1, H=3, G=3, D=32, tied=True),
}


def permute(rows, heads):
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(rows.shape)


def tensors(V, C, F, L, H, G, D, tied):
    """llama.cpp's name, ours in Hugging Face form, shape, heads whose rows are permuted."""
    yield "token_embd", "model.embed_tokens", (V, C), 0
    for l in range(L):
        theirs, ours = f"blk.{l}", f"model.layers.{l}"
        yield f"{theirs}.attn_norm", f"{ours}.input_layernorm", (C,), 0
        yield f"{theirs}.attn_q", f"{ours}.self_attn.q_proj", (H * D, C), H
        yield f"{theirs}.attn_k", f"{ours}.self_attn.k_proj", (G * D, C), G
        yield f"{theirs}.attn_v", f"{ours}.self_attn.v_proj", (G * D, C), 0
        yield f"{theirs}.attn_output", f"{ours}.self_attn.o_proj", (C, H * D), 0
        yield f"{theirs}.ffn_norm", f"{ours}.post_attention_layernorm", (C,), 0
        yield f"{theirs}.ffn_gate", f"{ours}.mlp.gate_proj", (F, C), 0
        yield f"{theirs}.ffn_up", f"{ours}.mlp.up_proj", (F, C), 0
        yield f"{theirs}.ffn_down", f"{ours}.mlp.down_proj", (C, F), 0
    yield "output_norm", "model.norm", (C,), 0
    if not tied:
        yield "output", "lm_head", (V, C), 0


def encoded(values, wanted):
    """The type that the converter settles on, and the bytes."""
    if values.ndim == 1:
        return "F32", values
    try:
        return wanted, quantize(values, GGMLQuantizationType[wanted])
    except QuantError:
        return "F16", quantize(values, GGMLQuantizationType.F16)


def describe(shape, wanted):
    found = {}
    for theirs, ours, dims, heads in tensors(**shape):
        values = golden_weight(f"{ours}.weight", dims)
        made, data = encoded(permute(values, heads) if heads else values, wanted)
        digest = hashlib.sha256(np.ascontiguousarray(data).tobytes()).hexdigest()
        found[f"{theirs}.weight"] = {"type": made, "shape": dims, "sha256": digest}
    return found


golden = [
    {"name": name, "shape": shape, "tensors": {wanted.lower(): describe(shape, wanted) for wanted in TYPES}}
    for name, shape in MODELS.items()
]
target = Path(__file__).parent.parent / "golden" / "gguf.json"
target.write_text(json.dumps(golden, indent=1) + "\n")
