"""check-folder.py load FOLDER | save FOLDER [options] | tokenizer FOLDER --to FOLDER: model folders as transformers
reads and writes them.

load   transformers must find every weight of the folder and no other, in its config the values it would give itself.
save   writes a folder with random weights by save_pretrained, in one file or in shards, in any float type.
Both of these print {name: SHA-256 of the values as float32}, for the other side to compare with.
tokenizer   reads the tokenizer of a folder and saves it to another.
`test/export/transformers.test.ts` runs them: `PATCHTRAIN_ORACLE=.oracle/bin/python npx vitest run test/export`.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
)

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("mode", choices=["load", "save", "tokenizer"])
parser.add_argument("folder")
parser.add_argument("--config", type=json.loads, default={}, help="save: arguments of LlamaConfig, as JSON")
parser.add_argument("--dtype", default="float32", help="save: float32, bfloat16 or float16")
parser.add_argument("--shard", default="50GB", help="save: largest file, such as 2KB")
parser.add_argument("--to", help="tokenizer: the folder to save to")
arguments = parser.parse_args()

if arguments.mode == "tokenizer":
    AutoTokenizer.from_pretrained(arguments.folder).save_pretrained(arguments.to)
    print(json.dumps(sorted(path.name for path in Path(arguments.to).iterdir())))
    sys.exit()

if arguments.mode == "save":
    torch.manual_seed(1)
    model = LlamaForCausalLM(LlamaConfig(**arguments.config))
    model = model.to(getattr(torch, arguments.dtype))
    model.save_pretrained(arguments.folder, max_shard_size=arguments.shard)
else:
    model, loading = AutoModelForCausalLM.from_pretrained(arguments.folder, output_loading_info=True)
    problems = {kind: sorted(names) for kind, names in loading.items() if names}
    if problems:
        sys.exit(f"transformers did not find the weights it wants in {arguments.folder}: {problems}")
    GenerationConfig.from_pretrained(arguments.folder)
    config = AutoConfig.from_pretrained(arguments.folder).to_dict()
    dtype = str(model.dtype).removeprefix("torch.")
    expected = LlamaConfig(architectures=["LlamaForCausalLM"], dtype=dtype, **arguments.config).to_dict()
    keys = sorted((config.keys() | expected.keys()) - {"_name_or_path"})
    differences = {key: (config.get(key), expected.get(key)) for key in keys if config.get(key) != expected.get(key)}
    if differences:
        sys.exit(f"transformers reads other values than it should: {differences}")

tensors = {
    name: hashlib.sha256(value.detach().float().contiguous().numpy().tobytes()).hexdigest()
    for name, value in model.state_dict().items()
    if not (name == "lm_head.weight" and model.config.tie_word_embeddings)
}
print(json.dumps(tensors))
