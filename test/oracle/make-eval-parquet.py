"""Writes ../golden/eval/parquet: rows of evaluation data in the files that the Hugging Face hub has, by pyarrow."""

from pathlib import Path

import pyarrow
import pyarrow.parquet

FILES = {
    "arc/ARC-Easy/test-00000-of-00001.parquet": [
        {"id": "a", "question": "Which of these floats on water?", "choices": {"text": ["a cork", "a nail"], "label": ["A", "B"]}, "answerKey": "A"},
        {"id": "b", "question": "Water boils at about", "choices": {"text": ["0 °C", "50 °C", "100 °C"], "label": ["1", "2", "3"]}, "answerKey": "3"},
    ],
    "piqa/plain_text/validation-00000-of-00001.parquet": [
        {"goal": "Keep a door open", "sol1": "put a wedge under it", "sol2": "put a wedge above it", "label": 0},
        {"goal": "Cool hot soup", "sol1": "heat it", "sol2": "wait", "label": 1},
    ],
}

folder = Path(__file__).resolve().parent.parent / "golden" / "eval" / "parquet"
for name, rows in FILES.items():
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path, compression="snappy")
    print(f"{path}: {path.stat().st_size} bytes")
