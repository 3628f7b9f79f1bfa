"""check-export.py FOLDER REQUEST.json: transformers must read an exported folder and compute our logits and text.

REQUEST.json is {"ids": [[…], …], "logitsFile": "logits.safetensors", "greedy": {"prompt": "…", "text": "…", "tokens": n}}.
The file lies beside it and holds `logits` [B, S, V]: what this package says for each position of each row, read token
by token (K = 1). `greedy`, where it is given, is what this package writes after the prompt, n tokens at most, always the
likeliest; the folder then holds the tokenizer.
Exit status 0 if every weight was found, the logits agree to 1e-5 of the largest, and the text is the same.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

TOLERANCE = 1e-5

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("folder", type=Path, help="the exported model")
parser.add_argument("request", type=Path, help="token ids, the name of the file of logits, and text")
arguments = parser.parse_args()

request = json.loads(arguments.request.read_text())
ours = load_file(arguments.request.parent / request["logitsFile"])["logits"].double()

model, loading = AutoModelForCausalLM.from_pretrained(
    arguments.folder, dtype=torch.float32, output_loading_info=True
)
problems = {kind: sorted(names) for kind, names in loading.items() if names}
if problems:
    sys.exit(f"transformers did not find the weights it wants in {arguments.folder}: {problems}")
with torch.no_grad():
    theirs = model(torch.tensor(request["ids"])).logits.double()
if ours.shape != theirs.shape:
    sys.exit(f"logits are {list(ours.shape)} in our file, {list(theirs.shape)} in transformers")

error = ((ours - theirs).abs().max() / theirs.abs().max()).item()
agreeing = (ours.argmax(-1) == theirs.argmax(-1)).double().mean().item()
print(f"{arguments.folder}: {type(model).__name__}, {model.num_parameters():,} parameters")
print(f"logits {list(theirs.shape)}: off by {error:.2e} of the largest (at most {TOLERANCE:.0e} is allowed)")
print(f"the same token is the likeliest at {agreeing:.2%} of the positions")
if not error <= TOLERANCE:
    sys.exit("the logits differ")

greedy = request.get("greedy")
if greedy:
    tokenizer = AutoTokenizer.from_pretrained(arguments.folder)
    prompt = tokenizer(greedy["prompt"], return_tensors="pt", return_token_type_ids=False)
    written = model.generate(**prompt, max_new_tokens=greedy["tokens"], do_sample=False)
    theirs = tokenizer.decode(written[0], skip_special_tokens=True)
    wanted = greedy["prompt"] + greedy["text"]
    if theirs != wanted:
        sys.exit(f"the texts differ: we wrote {wanted!r}, transformers {theirs!r}")
    print(f"the same greedy text: {theirs!r}")
