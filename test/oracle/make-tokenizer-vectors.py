"""Writes what sentencepiece makes of a large corpus, for test/data/tokenizer.oracle.test.ts to compare.

    python test/oracle/make-tokenizer-vectors.py tokenizer.model out-folder corpus.jsonl other.txt …
    PATCHTRAIN_TOKENIZER_VECTORS=out-folder npx vitest run test/data/tokenizer.oracle.test.ts

.jsonl: one document a line, in the field `text`; any other file is one document. To the corpus come ten thousand
documents of random characters, chosen to be difficult, and as many random id sequences to decode.
Writes documents.jsonl, ids.i32 and offsets.i64 (little-endian), decodings.jsonl, tokenizer.model, timing.json.
"""

import json
import random
import shutil
import sys
import time
from pathlib import Path

import numpy
import sentencepiece

DIFFICULT = (
    ["  ", "   ", "\n", "\t", "\r\n", "\u00a0", "\u2581", "\u2581\u2581", "\u3000", "\u200b", "\ufeff", "\u0000"]
    + ["<s>", "</s>", "<unk>", "<0x0A>", "é", "e\u0301", "ﬁ", "ß", "İ", "…", "“", "—", "’s", "日", "本", "한", "ع"]
    + ["😀", "👩\u200d👩\u200d👧", "\U0010ffff", "\ufffd", "\ud7ff", "\ue000", "0", "12", "3.14", "http://", "://"]
    + list("etaoinshrdlu ,.;:!?()[]{}'\"-_=+*/\\|<>@#$%^&~`AZ") + ["the ", " and", "tion", "ing ", "==", "    "]
)


def documents(paths):
    for path in paths:
        if path.suffix == ".jsonl":
            with open(path, encoding="utf-8") as lines:
                for line in lines:
                    yield json.loads(line)["text"]
        else:
            yield path.read_bytes().decode("utf-8")
    generator = random.Random(3)
    for _ in range(10_000):
        yield "".join(generator.choices(DIFFICULT, k=generator.randrange(1, 200)))
    for length in (1_000, 30_000):
        yield " " * length
        yield "a" * length
        yield "the" * length + "\u2581" * length
        yield "".join(generator.choices("abcdefgh", k=length))


def main():
    model, out, *paths = map(Path, sys.argv[1:])
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(model, out / "tokenizer.model")
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model))
    texts = list(documents(paths))
    begin = time.process_time()
    encoded = [processor.encode(text, out_type=int) for text in texts]
    seconds = time.process_time() - begin
    with open(out / "documents.jsonl", "w", encoding="utf-8") as lines:
        lines.writelines(json.dumps({"text": text}) + "\n" for text in texts)
    numpy.concatenate([numpy.array(ids, "<i4") for ids in encoded]).tofile(out / "ids.i32")
    numpy.cumsum([0] + [len(ids) for ids in encoded]).astype("<i8").tofile(out / "offsets.i64")

    generator = random.Random(5)
    size = processor.vocab_size()
    sequences = [[generator.randrange(size) for _ in range(generator.randrange(1, 30))] for _ in range(5_000)]
    sequences += [[generator.randrange(3, 259) for _ in range(generator.randrange(1, 30))] for _ in range(5_000)]
    with open(out / "decodings.jsonl", "w", encoding="utf-8") as lines:
        for ids in sequences:
            lines.write(json.dumps({"ids": ids, "text": processor.decode(ids)}) + "\n")

    size = sum(len(text.encode()) for text in texts)
    (out / "timing.json").write_text(json.dumps({"bytes": size, "sentencepiece_cpu_seconds": seconds}))
    print(f"{len(texts)} documents, {size / 1e6:.1f} MB, {sum(map(len, encoded))} ids, {size / 1e6 / seconds:.2f} MB/s")


main()
