"""lm-eval-compare.py MODEL DATA SAMPLES: the harness and patchtrain must agree on every example.

MODEL is an exported folder, DATA the folder given to `patchtrain eval --data`, SAMPLES what `--samples` wrote and
RESULTS what `--json` wrote, both for the same folder and limit. The harness (HFLM, float32, CPU) evaluates MODEL on its own
task files with the same data. Compared are, for every example: the tokens, the log-likelihoods (1e-4 relative), the
choice and the normalized choice; for every task: metrics and standard errors, perplexities to 1e-4.
Exit status 0 if all agree; examples whose choice differs are listed with the margin between their best two.
--golden FILE writes what the harness says, for tests that run without it.
"""

import argparse
import hashlib
import json
import logging
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
import lm_eval_offline

TOLERANCE = 1e-4

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("model", type=Path)
parser.add_argument("data", type=Path)
parser.add_argument("samples", type=Path, help="log of `patchtrain eval --samples`")
parser.add_argument("results", type=Path, help="output of `patchtrain eval --json`")
parser.add_argument("--limit", type=int, help="as it was given to patchtrain")
parser.add_argument("--batch-size", type=int, default=16)
parser.add_argument(
    "--tokenizer-file",
    action="store_true",
    help="take tokenizer.json as it is; transformers 5 makes its own LlamaTokenizer, which encodes a text that begins with a space otherwise than SentencePiece does",
)
parser.add_argument("--tokens-only", action="store_true", help="compare what is asked, not what a model says to it")
parser.add_argument("--golden", type=Path, help="write requests, likelihoods and results of the harness to this file")
arguments = parser.parse_args()

lm_eval_offline.install(arguments.data)
import numpy as np
import torch
from lm_eval import evaluator
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window
from transformers import PreTrainedTokenizerFast

logging.disable(logging.WARNING)


def token_hash(pairs: list[tuple[list[int], list[int]]], positions: int) -> str:
    """As lib/eval/prepare.ts hashes the sequences of an example."""
    digest = hashlib.sha256()
    for context, continuation in pairs:
        ids = (context + continuation)[-(positions + 1) :]
        digest.update(np.array([len(ids), len(continuation)], dtype="<i4").tobytes())
        digest.update(np.array(ids, dtype="<i4").tobytes())
    return digest.hexdigest()[:16]


def pairs_of(requests: list[tuple[str, ...]]) -> list[tuple[list[int], list[int]]]:
    """Tokens of context and continuation for every request of an example, by the harness' own functions."""
    if len(requests[0]) == 2:
        return [lm._encode_pair(context, continuation) for context, continuation in requests]
    tokens = lm.tok_encode(requests[0][0])
    windows = get_rolling_token_windows(tokens, lm.prefix_token_id, lm.max_length, 1)
    return [make_disjoint_window(window) for window in windows]


def choices_of(task, doc: dict, likelihoods: np.ndarray) -> dict[str, int]:
    """What ConfigurableTask.process_results takes for the model's choices."""
    lengths = np.array([float(len(choice)) for choice in task.doc_to_choice(doc)])
    return {"choice": int(np.argmax(likelihoods)), "choice_norm": int(np.argmax(likelihoods / lengths))}


def margin(values: list[float]) -> float:
    best, second = sorted(values)[-1:-3:-1]
    return best - second


head, *lines = [json.loads(line) for line in arguments.samples.read_text().splitlines()]
reported = {task["name"]: task for task in json.loads(arguments.results.read_text())["tasks"] if task["name"] != "wikitext103"}
shots = {task["shots"] for task in reported.values()}
if len(shots) != 1:
    sys.exit(f"results of {len(shots)} numbers of shots; compare one at a time")

lm = HFLM(
    pretrained=str(arguments.model),
    tokenizer=PreTrainedTokenizerFast.from_pretrained(arguments.model) if arguments.tokenizer_file else None,
    device="cpu",
    dtype="float32",
    batch_size=arguments.batch_size,
    max_length=head["context"],
)
if arguments.tokens_only:
    lm._loglikelihood_tokens = lambda requests, **_: [(-1.0, False)] * len(requests)

loaded = TaskManager().load(list(reported))
for task in loaded["tasks"].values():
    task.set_config("num_fewshot", shots.copy().pop())
begun = time.time()
theirs = evaluator.evaluate(lm, loaded, limit=arguments.limit, bootstrap_iters=1, log_samples=True)
print(f"the harness took {time.time() - begun:.0f} s")

problems: list[str] = []
golden: dict[str, object] = {}


def check(name: str, ours: float | None, theirs: object) -> None:
    if ours is None and (theirs == "N/A" or theirs is None):
        return
    if ours is None or not isinstance(theirs, (int, float)) or abs(ours - theirs) > TOLERANCE * abs(theirs):
        problems.append(f"{name}: {ours} here, {theirs} in the harness")


def compare_results(ours: dict, name: str) -> None:
    """A task or part and, for MMLU, all parts of it; the harness' result keys are `acc,none`, `acc_stderr,none`."""
    result = theirs["results"][name]
    for metric, estimate in ours["metrics"].items():
        check(f"{name} {metric}", estimate["value"], result[f"{metric},none"])
        # One example has no deviation: the harness says 0 or N/A, we say nothing.
        if ours["examples"] > 1:
            check(f"{name} {metric} stderr", estimate["stderr"], result.get(f"{metric}_stderr,none"))
    for part in ours.get("parts", []):
        compare_results(part, f"mmlu_{part['name']}")


for name, task in reported.items():
    if not arguments.tokens_only:
        compare_results(task, name)
    samples = {(t, s["doc_id"]): s for t, all in theirs["samples"].items() if t == name or t.startswith(f"{name}_") for s in all}
    taken: dict[str, int] = {}
    counts = {"examples": 0, "tokens": 0, "choice": 0, "choice_norm": 0}
    worst = 0.0
    golden[name] = []
    for ours in sorted((line for line in lines if line["task"] == name), key=lambda line: line["index"]):
        part = f"{name}_{ours['part']}" if "part" in ours else name
        sample = samples.pop((part, taken.get(part, 0)), None)
        if sample is None:
            sys.exit(f"{part} {taken.get(part, 0)} is not in the harness: is the limit the same?")
        taken[part] = taken.get(part, 0) + 1
        where = f"{part} {sample['doc_id']}"
        counts["examples"] += 1
        requests = [tuple(request) for request in sample["arguments"]]
        pairs = pairs_of(requests)
        if token_hash(pairs, head["context"]) != ours["hash"]:
            counts["tokens"] += 1
            problems.append(f"{where}: other tokens")
        if arguments.tokens_only:
            continue
        responses = sample["filtered_resps"]
        likelihoods = [float(r[0]) if isinstance(r, (tuple, list)) else float(r) for r in responses]
        here = ours["logLikelihoods"] if len(likelihoods) > 1 else [sum(ours["logLikelihoods"])]
        worst = max(worst, max(abs(a - b) / abs(b) for a, b in zip(here, likelihoods, strict=True)))
        choices = choices_of(loaded["tasks"][part], sample["doc"], np.array(likelihoods)) if len(likelihoods) > 1 else {}
        for key, choice in choices.items():
            if key in ours and ours[key] != choice:
                counts[key] += 1
                problems.append(f"{where}: another {key}; the best two are {margin(likelihoods):.1e} apart")
        counted = [[len(context), len(continuation)] for context, continuation in pairs]
        golden[name].append({"requests": requests, "tokens": counted, "hash": token_hash(pairs, head["context"]), "logLikelihoods": likelihoods, **choices})
    if samples:
        problems.append(f"{name}: {len(samples)} examples are only in the harness")
    if worst > TOLERANCE:
        problems.append(f"{name}: log-likelihoods differ by {worst:.1e}")
    print(
        f"{name}: {counts['examples']} examples; other tokens {counts['tokens']}, other choices {counts['choice']}, "
        f"other normalized choices {counts['choice_norm']}; log-likelihoods within {worst:.1e}"
    )

if arguments.golden:  # the first three examples of each task; all of them count in the results
    golden = {name: samples[:3] for name, samples in golden.items()}
    results = {name: {k: v for k, v in values.items() if "," in k} for name, values in theirs["results"].items()}
    arguments.golden.write_text(json.dumps({"samples": golden, "results": results}, indent=1, default=float) + "\n")
for problem in problems[:40]:
    print(problem)
if problems:
    sys.exit(f"{len(problems)} disagreements")
