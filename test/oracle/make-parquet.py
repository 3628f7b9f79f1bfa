"""Writes ../data/golden/parquet: the same rows through every codec, encoding and page layout that pyarrow has.

    .oracle/bin/python test/oracle/make-parquet.py

rows.jsonl holds the rows as JSON; the tests want the same rows from every file. Only deterministic content,
so that a run with the same pyarrow writes the same bytes.
"""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

OUT = Path(__file__).resolve().parent.parent / "data" / "golden" / "parquet"
ROWS = 60


def text_of(i: int) -> str:
    if i % 17 == 5:
        return ""
    words = ["water", "Straße", "漢字", "😀", "the quick brown fox", "\n", "tab\t", '"quoted"']
    return " ".join(words[(i * k + k) % len(words)] for k in range(1, 4 + i % 9))


def row_of(i: int) -> dict:
    return {
        "id": i * 7 - 50,
        "text": text_of(i),
        "kind": ["web", "book", "code"][i % 3],
        "score": i / 8,
        "good": i % 4 == 1,
        "choices": [f"choice {k} of {i}" for k in range(i % 5)],
        "note": None if i % 3 else f"note {i}",
        "answer": {"text": [f"a{i}", "b"], "label": i % 4},
        "maybe": None if i % 6 == 0 else [None if k == 1 else k for k in range(i % 4)],
    }


SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        pa.field("text", pa.string()),
        ("kind", pa.string()),
        ("score", pa.float64()),
        ("good", pa.bool_()),
        ("choices", pa.list_(pa.string())),
        ("note", pa.string()),
        ("answer", pa.struct([("text", pa.list_(pa.string())), ("label", pa.int32())])),
        ("maybe", pa.list_(pa.int32())),
    ]
)


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    rows = [row_of(i) for i in range(ROWS)]
    table = pa.Table.from_pylist(rows, SCHEMA)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (OUT / "rows.jsonl").write_text(lines, encoding="utf-8")

    def write(name: str, table=table, **options) -> None:
        pq.write_table(table, OUT / f"{name}.parquet", **options)

    small = {"row_group_size": 23, "data_page_size": 64, "write_batch_size": 4}
    for codec in ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]:
        write(codec, compression=codec)
    write("small-pages", compression="snappy", write_page_checksum=True, write_page_index=True, **small)
    write("version-2", compression="zstd", data_page_version="2.0", **small)
    write("version-2-none", compression="none", data_page_version="2.0", write_page_checksum=True)
    write("plain", compression="snappy", use_dictionary=False, **small)
    # The dictionary is given up when it is full: dictionary pages and plain pages in one chunk.
    write("dictionary-full", compression="zstd", dictionary_pagesize_limit=300, data_page_size=200, write_batch_size=4)
    delta = {"id": "DELTA_BINARY_PACKED", "kind": "DELTA_BYTE_ARRAY", "text": "DELTA_LENGTH_BYTE_ARRAY"}
    for version in ["1.0", "2.0"]:
        write(
            f"delta-{version[0]}",
            compression="none",
            use_dictionary=False,
            column_encoding={**delta, "note": "DELTA_BYTE_ARRAY", "score": "BYTE_STREAM_SPLIT"},
            data_page_version=version,
        )

    required = pa.schema([pa.field("text", pa.string(), nullable=False), pa.field("n", pa.int64(), nullable=False)])
    write("required", pa.table([table["text"], table["id"]], schema=required), compression="snappy")
    write("large-string", table.select(["text"]).cast(pa.schema([("text", pa.large_string())])), compression="zstd")
    # Lists longer than a page. pyarrow ends pages with rows.
    lists = [list(range(900 if i % 128 == 127 else i % 3)) for i in range(700)]
    long = pa.table({"n": pa.array(lists, pa.list_(pa.int16()))})
    write("long-lists", long, compression="zstd", data_page_size=300, write_batch_size=50)
    write("no-rows", table.slice(0, 0), compression="snappy")
    write("bytes", pa.table({"text": pa.array([b"abc", b"\xff\xfe"], pa.binary())}), compression="none")
    # Said to be text without being it: the buffers of a binary array under the type of strings.
    latin = pa.array([b"good", b"caf\xe9 au lait"], pa.binary())
    write("latin", pa.table({"text": pa.Array.from_buffers(pa.string(), 2, latin.buffers())}), compression="none")


if __name__ == "__main__":
    main()
