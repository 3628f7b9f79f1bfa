"""check-import.py FOLDER: model folders as transformers writes them, with what it computes from them and how torch
trains them on for five steps, with K = 1 and with K = 4. `../export/transformers.test.ts` imports each and holds its
logits and its training against them: `PATCHTRAIN_ORACLE=.oracle/bin/python npx vitest run test/export`.
"""

import argparse
import json
from pathlib import Path

import torch

from continued import save_model, write_expected

BASE = {
    "vocab_size": 300,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "max_position_embeddings": 64,
    "initializer_range": 0.15,
}


def rope(theta):
    return {"rope_parameters": {"rope_type": "default", "rope_theta": theta}}


# Name: (arguments of LlamaConfig, type of the weights, largest file, spelling of config.json)
CASES = {
    "as it comes": ({}, "float32", "50GB", 5),
    "grouped queries": ({"num_key_value_heads": 2}, "bfloat16", "50GB", 5),
    "one key and value head, tied": ({"num_key_value_heads": 1, "tie_word_embeddings": True}, "float16", "50GB", 5),
    "head_dim of its own": ({"head_dim": 20, "num_key_value_heads": 2}, "float32", "20KB", 5),
    "other theta and epsilon": ({"rms_norm_eps": 1e-3, **rope(777.0)}, "bfloat16", "20KB", 5),
    "tied, sharded, older config": (
        {"tie_word_embeddings": True, "rms_norm_eps": 1e-5, **rope(5e5)},
        "bfloat16",
        "10KB",
        4,
    ),
}


def spell_as_before(path):
    """config.json as transformers 4 wrote it."""
    config = json.loads(path.read_text())
    config |= {"torch_dtype": config.pop("dtype"), "transformers_version": "4.40.0", "rope_scaling": None}
    config["rope_theta"] = config.pop("rope_parameters")["rope_theta"]
    path.write_text(json.dumps(config, indent=2))


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("folder", type=Path)
arguments = parser.parse_args()

torch.set_num_threads(1)
for name, (more, dtype, shard, spelling) in CASES.items():
    case = arguments.folder / name
    case.mkdir(parents=True)
    save_model(case / "model", BASE | more, dtype, shard)
    if spelling == 4:
        spell_as_before(case / "model" / "config.json")
    write_expected(case, case / "model", orders=8)
    print(name)
