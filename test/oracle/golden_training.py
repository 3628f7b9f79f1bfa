"""Golden training: ten AdamW steps with accumulation and clipping, the patch stage, then the token stage."""

import json

import torch
from safetensors.torch import save_file
from transformers import get_cosine_schedule_with_warmup

from golden_formula import golden_ids
from patch_llama import (
    build,
    channel_orders,
    largest,
    original_order,
    patch_logits,
    patch_loss,
    relative_errors,
)

MODEL = {
    "vocabSize": 61,
    "width": 16,
    "feedForward": 24,
    "layers": 2,
    "heads": 2,
    "kvHeads": 1,
    "headDim": 64,
    "ropeTheta": 10000.0,
    "normEpsilon": 1e-5,
    "tiedHead": False,
    "initStd": 0.02,  # for the type only: the weights come from the formula
}
LEARNING_RATE = {"shape": "cosine", "peak": 0.02, "warmupSteps": 2, "decaySteps": 0, "floor": 0}


def stage(name, patch_size, sequences):
    """Both stages read 128 tokens a step with a context of 8 positions, in two micro-batches."""
    return {
        "name": name,
        "patchSize": patch_size,
        "steps": 5,
        "context": 8,
        "batchSequences": sequences,
        "microBatchSequences": sequences // 2,
        "carry": "weights",
        "learningRate": LEARNING_RATE,
        "scheduleSpan": "stage",
    }


STAGES = [stage("patch", 4, 4), stage("token", 1, 16)]
# The clip bites in some steps of each stage and not in others.
OPTIMIZER = {"betas": [0.9, 0.95], "epsilon": 1e-8, "weightDecay": 0.1, "gradientClip": 1.35}
FIRST_ID = 100_000  # away from the ids of the golden models


def make_optimizer(model):
    """Weight decay on matrices and embeddings, none on norm weights."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": OPTIMIZER["weightDecay"]},
        {"params": [p for p in parameters if p.ndim == 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups, lr=LEARNING_RATE["peak"], betas=tuple(OPTIMIZER["betas"]), eps=OPTIMIZER["epsilon"]
    )


def micro_batches(stage, first_id):
    """The ids of one optimizer step, one [B, S] array a micro-batch."""
    tokens = stage["context"] * stage["patchSize"]
    shape = (stage["microBatchSequences"], tokens)
    for start in range(0, stage["batchSequences"] * tokens, shape[0] * tokens):
        yield torch.from_numpy(golden_ids(first_id + start, shape, MODEL["vocabSize"])).long()


def train(dtype, order=None):
    """(what each step reports, weights at the switch, final weights). Only weights go from stage to stage."""
    model = build(MODEL, dtype, order)
    steps, weights, next_id = [], [], FIRST_ID
    for stage in STAGES:
        optimizer = make_optimizer(model)
        schedule = get_cosine_schedule_with_warmup(
            optimizer, stage["learningRate"]["warmupSteps"], stage["steps"]
        )
        for _ in range(stage["steps"]):
            step_loss = 0.0
            for ids in micro_batches(stage, next_id):
                next_id += ids.numel()
                mean = patch_loss(patch_logits(model, ids, stage["patchSize"]), ids, stage["patchSize"])
                loss = mean * (len(ids) / stage["batchSequences"])  # its share of the labels of the step
                loss.backward()
                step_loss += loss.item()
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), OPTIMIZER["gradientClip"]).item()
            steps.append({"loss": step_loss, "norm": norm, "rate": optimizer.param_groups[0]["lr"]})
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        weights.append({name: p.detach().clone() for name, p in model.named_parameters()})
    return steps, *weights


def float32_error(steps, switch, final):
    """Of the same training in float32, against the float64 results."""
    step_errors, switch_errors, final_errors = [], [], []
    for order in channel_orders(MODEL["width"]):
        steps32, switch32, final32 = train(torch.float32, order)
        step_errors.append(
            [
                {key: abs(step32[key] / step[key] - 1) for key in ("loss", "norm")}
                for step32, step in zip(steps32, steps)
            ]
        )
        switch_errors.append(relative_errors(original_order(switch32, order), switch))
        final_errors.append(relative_errors(original_order(final32, order), final))
    return {
        "steps": [largest(errors) for errors in zip(*step_errors)],
        "switch": largest(switch_errors),
        "final": largest(final_errors),
    }


def write(folder):
    folder.mkdir(parents=True, exist_ok=True)
    steps, switch, final = train(torch.float64)
    error = float32_error(steps, switch, final)
    index = {
        "model": MODEL,
        "firstId": FIRST_ID,
        "stages": STAGES,
        "optimizer": OPTIMIZER,
        "steps": steps,
        "float32Error": error,
    }
    tensors = {f"switch.{name}": value.float() for name, value in switch.items()}
    tensors |= {f"final.{name}": value.float() for name, value in final.items()}
    save_file(tensors, folder / "training.safetensors")
    (folder / "training.json").write_text(json.dumps(index, indent=1) + "\n")
    for number, (step, off) in enumerate(zip(steps, error["steps"]), 1):
        print(f"step {number}: {step}, float32 off by {off}")
    print(f"final weights, worst float32 error: {max(error['final'].values()):.1e}")
