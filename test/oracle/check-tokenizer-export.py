"""Checks that transformers finds the same tokenizer in an exported folder.

    python test/oracle/check-tokenizer-export.py FOLDER …

Ids must be those of sentencepiece (when the folder holds a tokenizer.model) or the bytes of the text (when it does
not). Text that spells a control token is left out: Hugging Face's library makes the token of it, we never do.
"""

import json
import random
import sys
from pathlib import Path

import sentencepiece
import transformers

ALPHABET = list("etaoinshr  \n\tABC.,;0123456789é日本😀") + ["\ufeff", "\u0000", "the ", "    ", "\U0010ffff"]


def check(folder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = folder / "tokenizer.model"
    if model.exists():
        processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
        encode, decode, bos = processor.encode, processor.decode, processor.bos_id()
    else:
        encode, decode, bos = lambda text: list(text.encode()), lambda ids: bytes(ids).decode(), 256
    generator = random.Random(1)
    texts = ["", "a", " ", "Hello world", "  two  spaces \n\n"]
    texts += ["".join(generator.choices(ALPHABET, k=generator.randrange(1, 200))) for _ in range(3_000)]
    for text in texts:
        ids = encode(text)
        assert tokenizer(text, add_special_tokens=False)["input_ids"] == ids, (text, ids)
        assert tokenizer.decode(ids) == decode(ids), (text, ids)
        assert tokenizer(text)["input_ids"] == [bos] + ids, text
    assert tokenizer.bos_token_id == bos
    config = json.loads((folder / "tokenizer_config.json").read_text())
    print(f"{folder}: {config['tokenizer_class']}, {len(tokenizer)} ids, {len(texts)} texts agree")


for argument in sys.argv[1:]:
    check(Path(argument))
