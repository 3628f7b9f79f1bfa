"""make-byte-level.py CORPUS FOLDER: trains byte-level tokenizers that cut text in each of the ways that our GGUF export can name.

Writes NAME.json, a tokenizer.json, for each, and ids.json: {"texts": […], "ids": {NAME: [[…], …]}}.
"""

import json
import sys
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEXTS = [
    "Hello world",
    "ROMEO:\n  What  light\tthrough yönder 🙂 window's breaks? I'LL",
    " a",
    "\n\n1234567 12345",
    "foo   bar\r\n\r\n  baz!!!\n\n\n x",
    "don't DON'T we're",
]


def byte_level(use_regex):
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)


def split(expression):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(expression), "isolated"), byte_level(False)])


WAYS = {
    "gpt-2": byte_level(True),
    "llama-bpe": split(LLAMA_3),
    "qwen2": split(LLAMA_3.replace("{1,3}", "")),
    "smollm": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level(True)]),
}

corpus, folder = sys.argv[1], Path(sys.argv[2])
ids = {}
for name, way in WAYS.items():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = way
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=["<|end|>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train([corpus], trainer)
    tokenizer.save(str(folder / f"{name}.json"))
    ids[name] = [tokenizer.encode(text).ids for text in TEXTS]
(folder / "ids.json").write_text(json.dumps({"texts": TEXTS, "ids": ids}))
