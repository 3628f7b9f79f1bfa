"""A model folder as transformers writes it, what transformers computes from it, and how torch trains it further.

Used by golden_folder.py (a small one, kept) and check-import.py (many, for a test that runs where an oracle is)."""

import copy
import json

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, get_cosine_schedule_with_warmup
from transformers.utils import logging

from golden_formula import golden_ids
from patch_llama import (
    channel_orders,
    largest,
    make_double,
    original_order,
    patch_logits,
    patch_loss,
    relative_error,
    relative_errors,
    reorder_channels,
)

logging.disable_progress_bar()

OPTIMIZER = {"betas": [0.9, 0.95], "epsilon": 1e-8, "weightDecay": 0.1, "gradientClip": 1}
STEPS = 5
POSITIONS = 16  # of the logits
CONTEXT = 8  # of the training, in positions
BATCH, MICRO_BATCH = 4, 2  # sequences
FIRST_ID = {1: 300_000, 4: 400_000}


def save_model(folder, arguments, dtype, shard_size, seed=1):
    """save_pretrained with random weights; norm weights are random, too, so that none can be mistaken for another."""
    torch.manual_seed(seed)
    model = LlamaForCausalLM(LlamaConfig(**arguments))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.uniform_(0.75, 1.25)
    model.to(getattr(torch, dtype)).save_pretrained(folder, max_shard_size=shard_size)


class Source:
    """A folder as transformers reads it; every use starts from the weights in it."""

    def __init__(self, folder):
        kinds = {torch.float64: "sdpa", torch.float32: "eager"}
        self.models = {
            dtype: AutoModelForCausalLM.from_pretrained(
                folder, dtype=torch.float32, attn_implementation=attention
            )
            for dtype, attention in kinds.items()
        }
        make_double(self.models[torch.float64])

    def double(self):
        return copy.deepcopy(self.models[torch.float64])

    def single(self, order):
        """In float32, the channels of the stream in another order: the same model, only summed in another order."""
        model = copy.deepcopy(self.models[torch.float32])
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(reorder_channels(name, parameter, order))
        return model


def stage(patch_size):
    return {
        "name": "continued",
        "patchSize": patch_size,
        "steps": STEPS,
        "context": CONTEXT,
        "batchSequences": BATCH,
        "microBatchSequences": MICRO_BATCH,
        "carry": "weights",
        "learningRate": {"shape": "cosine", "peak": 0.01, "warmupSteps": 1, "decaySteps": 0, "floor": 0},
        "scheduleSpan": "stage",
    }


def train(model, patch_size):
    """What each of the steps reports, and the weights after the last."""
    plan = stage(patch_size)
    rate = plan["learningRate"]
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": OPTIMIZER["weightDecay"]},
        {"params": [p for p in parameters if p.ndim == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(
        groups, lr=rate["peak"], betas=tuple(OPTIMIZER["betas"]), eps=OPTIMIZER["epsilon"]
    )
    schedule = get_cosine_schedule_with_warmup(optimizer, rate["warmupSteps"], STEPS)
    steps, next_id = [], FIRST_ID[patch_size]
    for _ in range(STEPS):
        step_loss = 0.0
        for _ in range(BATCH // MICRO_BATCH):
            shape = (MICRO_BATCH, CONTEXT * patch_size)
            ids = torch.from_numpy(golden_ids(next_id, shape, model.config.vocab_size)).long()
            next_id += ids.numel()
            loss = patch_loss(patch_logits(model, ids, patch_size), ids, patch_size) * (MICRO_BATCH / BATCH)
            loss.backward()
            step_loss += loss.item()
        norm = torch.nn.utils.clip_grad_norm_(parameters, OPTIMIZER["gradientClip"]).item()
        steps.append({"loss": step_loss, "norm": norm, "rate": optimizer.param_groups[0]["lr"]})
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    return steps, {name: p.detach().clone() for name, p in model.named_parameters()}


def logits_of(model):
    ids = torch.from_numpy(golden_ids(0, (2, POSITIONS), model.config.vocab_size)).long()
    with torch.no_grad():
        return model(ids).logits


def trained(source, patch_size, orders):
    """The training in float64, and how far float32 is from it at worst over `orders`."""
    steps, final = train(source.double(), patch_size)
    step_errors, final_errors = [], []
    for order in orders:
        steps32, final32 = train(source.single(order), patch_size)
        step_errors.append(
            [
                {key: abs(step32[key] / step[key] - 1) for key in ("loss", "norm")}
                for step32, step in zip(steps32, steps)
            ]
        )
        final_errors.append(relative_errors(original_order(final32, order), final))
    error = {"steps": [largest(errors) for errors in zip(*step_errors)], "final": largest(final_errors)}
    run = {"stage": stage(patch_size), "firstId": FIRST_ID[patch_size], "steps": steps, "float32Error": error}
    return run, {f"final.{patch_size}.{name}": value.float() for name, value in final.items()}


def write_expected(folder, model_folder, orders=32):
    """expected.json and expected.safetensors in `folder`: what the model in `model_folder` computes and becomes."""
    source = Source(model_folder)
    double = source.double()
    logits = logits_of(double)
    draws = channel_orders(double.config.hidden_size)[:orders]
    errors = [relative_error(logits_of(source.single(order)), logits) for order in draws]
    tensors = {"logits": logits.contiguous()}
    runs = []
    for patch_size in (1, 4):
        run, final = trained(source, patch_size, draws)
        runs.append(run)
        tensors |= final
    expected = {
        "positions": POSITIONS,
        "optimizer": OPTIMIZER,
        "float32Error": {"logits": max(errors)},
        "runs": runs,
    }
    save_file(tensors, folder / "expected.safetensors")
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
