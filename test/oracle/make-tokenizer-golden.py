"""Writes test/data/golden/tokenizer: two tiny sentencepiece models and what sentencepiece says with them.

    python test/oracle/make-tokenizer-golden.py

plain.model has the settings of LLaMA-2's; crossing.model allows pieces to reach across spaces, so that text cannot be
cut into words before it is merged.
"""

import hashlib
import io
import json
import random
from pathlib import Path

import numpy
import sentencepiece

root = Path(__file__).resolve().parents[2]
folder = root / "test" / "data" / "golden" / "tokenizer"
corpus = root / "data" / "tinyshakespeare.txt"

TEXTS = [
    "",
    " ",
    "  ",
    "a",
    "Hello world",
    " leading and trailing  ",
    "\n",
    "\n\n\tindented\n        eight spaces\n",
    "To be, or not to be: that is the question.",
    "ROMEO:\nBut, soft! what light through yonder window breaks?",
    "the the the the thethethe",
    "1234567890 3.14159",
    "café naïve Übermut ﬁ",
    "日本語 한국어 العربية हिन्दी",
    "😀👩‍👩‍👧 e\u0301",
    "<s>not BOS</s><unk><0x41>",
    "\u2581a\u2581 \u2581b",
    "\ufeffbyte order mark",
    "\u0000nul\u0000",
    "x" * 100,
    " " * 40 + "x",
    "ab" * 60,
    "if (a == b) {\n\treturn a->b[0];\n}",
]


def train(sentences, **settings):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=model,
        model_type="bpe",
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        split_digits=True,
        allow_whitespace_only_pieces=True,
        num_threads=1,
        minloglevel=2,
        **settings,
    )
    return model.getvalue()


def random_texts(count):
    generator = random.Random(7)
    alphabet = "aaeeiott thsnr  \n.,é日😀\u2581"
    texts = ["".join(generator.choices(alphabet, k=generator.randrange(1, 120))) for _ in range(count)]
    return texts + ["".join(generator.choices("etaoinshr", k=400)) for _ in range(4)]  # long words


def write(name, model):
    (folder / f"{name}.model").write_bytes(model)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    texts = TEXTS + random_texts(20)
    generator = random.Random(11)
    cases = [{"text": text, "ids": processor.encode(text)} for text in texts]
    for case in cases:
        case["decoded"] = processor.decode(case["ids"])
    sequences = [[generator.randrange(processor.vocab_size()) for _ in range(12)] for _ in range(20)]
    sequences += [[generator.randrange(3, 259) for _ in range(12)] for _ in range(20)]  # bytes: hardly ever UTF-8
    decodings = [{"ids": ids, "decoded": processor.decode(ids)} for ids in sequences]
    ids = processor.encode(corpus.read_text())
    digest = hashlib.sha256(numpy.array(ids, "<i4").tobytes()).hexdigest()
    content = {"encodings": cases, "decodings": decodings, "corpus": {"tokens": len(ids), "sha256": digest}}
    lines = json.dumps(content, ensure_ascii=True).replace('{"text"', '\n{"text"').replace('{"ids"', '\n{"ids"')
    (folder / f"{name}.json").write_text(lines + "\n")


folder.mkdir(parents=True, exist_ok=True)
lines = corpus.read_text().split("\n")[:6000]
lines += ["    for (let i = 0; i < n; i++) {", "        sum += x[i]", "    }", "café é à ü ö", "…quoted “so”—dash"] * 40
write("plain", train(lines, vocab_size=700))
write("crossing", train(lines, vocab_size=600, split_by_whitespace=False))
