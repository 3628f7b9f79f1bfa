"""check-gguf.py FILE FOLDER: the gguf package must read FILE, and find in it the weights of the exported FOLDER.

FOLDER is the same model in Hugging Face form, f32. The permutation of query and key rows is done here as llama.cpp's own
converter does it. What F32 holds must be equal bit for bit; F16, BF16 and Q8_0 must be, byte for byte, what the gguf
package makes of the same weights.
"""

import argparse
import json
import re
import sys
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFReader
from gguf.quants import dequantize, quantize
from safetensors.numpy import load_file

NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("file", type=Path)
parser.add_argument("folder", type=Path)
arguments = parser.parse_args()

config = json.loads((arguments.folder / "config.json").read_text())
weights = load_file(arguments.folder / "model.safetensors")
reader = GGUFReader(arguments.file)


def field(key):
    return reader.fields[key].contents()


def permute(rows, heads):
    """LlamaModel.permute of convert_hf_to_gguf.py"""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(rows.shape)


expected = {
    "general.architecture": "llama",
    "llama.vocab_size": config["vocab_size"],
    "llama.context_length": config["max_position_embeddings"],
    "llama.embedding_length": config["hidden_size"],
    "llama.block_count": config["num_hidden_layers"],
    "llama.feed_forward_length": config["intermediate_size"],
    "llama.attention.head_count": config["num_attention_heads"],
    "llama.attention.head_count_kv": config["num_key_value_heads"],
    "llama.attention.key_length": config["head_dim"],
    "llama.attention.value_length": config["head_dim"],
    "llama.attention.layer_norm_rms_epsilon": np.float32(config["rms_norm_eps"]),
    "llama.rope.dimension_count": config["head_dim"],
    "llama.rope.freq_base": np.float32(config["rope_theta"]),
}
problems = [f"{key} is {field(key)}, not {value}" for key, value in expected.items() if field(key) != value]
if len(field("tokenizer.ggml.tokens")) != config["vocab_size"]:
    problems.append(f"{len(field('tokenizer.ggml.tokens'))} tokens for a vocabulary of {config['vocab_size']}")

found = {tensor.name: tensor for tensor in reader.tensors}
worst, types = 0.0, {}
for name, value in weights.items():
    layer, kind = re.fullmatch(r"(?:model\.layers\.(\d+)\.)?(.+)\.weight", name).groups()
    theirs = NAMES[kind] if layer is None else f"blk.{layer}.{NAMES[kind]}"
    tensor = found.pop(f"{theirs}.weight", None)
    if tensor is None:
        problems.append(f"{name} is missing")
        continue
    if kind.endswith("q_proj"):
        value = permute(value, config["num_attention_heads"])
    if kind.endswith("k_proj"):
        value = permute(value, config["num_key_value_heads"])
    kind = GGMLQuantizationType(tensor.tensor_type)
    types[kind.name] = types.get(kind.name, 0) + 1
    if tuple(reversed(tensor.shape)) != value.shape:
        problems.append(f"{tensor.name} has the shape {tensor.shape}, {name} {value.shape}")
        continue
    made = quantize(value, kind)
    if made.tobytes() != tensor.data.tobytes():
        problems.append(f"{tensor.name}: other bytes than the gguf package makes of {name} as {kind.name}")
    if len(value.shape) > 1:
        back = dequantize(tensor.data, kind).reshape(value.shape)
        worst = max(worst, float(np.abs(back - value).max() / np.abs(value).max()))
problems += [f"{name} belongs to no weight" for name in found]

print(f"{arguments.file}: {types}, largest difference {worst:.1e} of the largest weight")
if problems:
    sys.exit("\n".join(problems))
