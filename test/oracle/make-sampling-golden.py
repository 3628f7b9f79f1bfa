"""Writes ../golden/sampling.json: what transformers' logits processors leave of a distribution.

Repetition penalty, temperature, top-k, top-p, in the order in which `generate` applies them; in double precision.
"""

import json
from pathlib import Path

import torch
from transformers.generation.logits_process import (
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

VOCABULARY = 23
torch.manual_seed(0)

CASES = [
    {"temperature": 1.0, "topK": 0, "topP": 1.0, "repetitionPenalty": 1.0},
    {"temperature": 0.7, "topK": 0, "topP": 1.0, "repetitionPenalty": 1.0},
    {"temperature": 1.0, "topK": 5, "topP": 1.0, "repetitionPenalty": 1.0},
    {"temperature": 1.0, "topK": 0, "topP": 0.9, "repetitionPenalty": 1.0},
    {"temperature": 1.5, "topK": 8, "topP": 0.6, "repetitionPenalty": 1.0},
    {"temperature": 1.0, "topK": 0, "topP": 1.0, "repetitionPenalty": 1.3},
    {"temperature": 0.8, "topK": 0, "topP": 0.95, "repetitionPenalty": 1.1},
    {"temperature": 0.9, "topK": 6, "topP": 0.8, "repetitionPenalty": 1.5},
    {"temperature": 1.2, "topK": 4, "topP": 1.0, "repetitionPenalty": 0.8},
]

results = []
for options in CASES:
    logits = (2 * torch.randn(VOCABULARY)).round(decimals=3)  # float32
    text = torch.randint(VOCABULARY, (7,))
    scores = logits.double()[None]
    ids = text[None]
    if options["repetitionPenalty"] != 1:
        scores = RepetitionPenaltyLogitsProcessor(options["repetitionPenalty"])(ids, scores)
    if options["temperature"] != 1:
        scores = TemperatureLogitsWarper(options["temperature"])(ids, scores)
    if options["topK"] > 0:
        scores = TopKLogitsWarper(options["topK"])(ids, scores)
    if options["topP"] < 1:
        scores = TopPLogitsWarper(options["topP"])(ids, scores)
    results.append(
        {
            "options": options,
            "logits": logits.tolist(),
            "text": text.tolist(),
            "probabilities": scores.softmax(-1)[0].tolist(),
        }
    )

target = Path(__file__).parent.parent / "golden" / "sampling.json"
target.write_text("[\n" + ",\n".join("  " + json.dumps(result) for result in results) + "\n]\n")
