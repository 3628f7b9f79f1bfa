"""Golden folder: a small model as transformers wrote it (bfloat16, two shards, grouped queries), what it computes, and
five more training steps with K = 1 and with K = 4."""

import shutil

from continued import save_model, write_expected

ARGUMENTS = {
    "vocab_size": 61,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 6,
    "rms_norm_eps": 1e-6,
    "rope_parameters": {"rope_type": "default", "rope_theta": 500.0},
    "max_position_embeddings": 64,
    "tie_word_embeddings": False,
    "initializer_range": 0.2,
}


def write(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    save_model(folder / "model", ARGUMENTS, "bfloat16", "10KB")
    write_expected(folder, folder / "model")
    shards = sorted(path.name for path in (folder / "model").glob("*.safetensors"))
    assert len(shards) == 2, shards
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder}: {', '.join(shards)}, {size:,} bytes")
