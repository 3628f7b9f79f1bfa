"""Golden models: logits, loss and every gradient for each head dim and patch size."""

import json

import torch
from safetensors.torch import save_file

from golden_formula import fingerprint, golden_ids, golden_weight
from patch_llama import (
    build,
    channel_orders,
    largest,
    original_order,
    patch_logits,
    patch_loss,
    relative_errors,
)

PATCHES = (1, 2, 4)
HEAD_DIMS = (64, 80, 96, 128)
POSITIONS = {1: 12, 2: 9, 4: 11}


def cases():
    """Every K with every D. GQA alternates like a chessboard, so each K and each D has both; tying alternates
    along the rows, so all four pairs of (GQA, tied) occur."""
    for row, patch in enumerate(PATCHES):
        for column, head_dim in enumerate(HEAD_DIMS):
            grouped = (row + column) % 2 == 0
            tied = (row + column // 2) % 2 == 1
            config = {
                "vocabSize": 61,
                "width": 16,
                "feedForward": 24,
                "layers": 2,
                # Four heads on two: with fewer, h // (H/G) and h % G would be the same head.
                "heads": 4 if grouped and head_dim < 96 else 2,
                "kvHeads": 1 if grouped and head_dim >= 96 else 2,
                "headDim": head_dim,
                "ropeTheta": 10000.0,
                "normEpsilon": 1e-5,
                "tiedHead": tied,
                "initStd": 0.02,  # for the type only: the weights come from the formula
            }
            name = f"d{head_dim}-k{patch}-{'gqa' if grouped else 'mha'}-{'tied' if tied else 'untied'}"
            yield name, patch, config


def run(config, ids, patch, dtype, order=None):
    """({"loss", "logits"}, {name: gradient})"""
    model = build(config, dtype, order)
    logits = patch_logits(model, ids, patch)
    loss = patch_loss(logits, ids, patch)
    if patch == 1:  # ordinary training, by transformers' own loss
        ordinary = model(input_ids=ids, labels=ids).loss
        assert abs(loss.item() / ordinary.item() - 1) <= 1e-6, "K = 1 is not ordinary training"
    loss.backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    return {"loss": loss.detach(), "logits": logits.detach()}, gradients


def float32_error(config, ids, patch, results, gradients):
    """Of transformers' float32 run against the float64 results."""
    result_errors, gradient_errors = [], []
    for order in channel_orders(config["width"]):
        results32, gradients32 = run(config, ids, patch, torch.float32, order)
        result_errors.append(relative_errors(results32, results))
        gradient_errors.append(relative_errors(original_order(gradients32, order), gradients))
    return {**largest(result_errors), "gradients": largest(gradient_errors)}


def write(folder):
    folder.mkdir(parents=True, exist_ok=True)
    index = []
    for number, (name, patch, config) in enumerate(cases()):
        shape = (2, POSITIONS[patch] * patch)
        ids = golden_ids(1000 * number, shape, config["vocabSize"])
        tokens = torch.from_numpy(ids).long()
        results, gradients = run(config, tokens, patch, torch.float64)
        loss = results["loss"].item()
        error = float32_error(config, tokens, patch, results, gradients)
        weights = [golden_weight(key, tuple(gradient.shape)) for key, gradient in gradients.items()]
        index.append(
            {
                "name": name,
                "patchSize": patch,
                "config": config,
                "ids": ids.tolist(),
                "loss": loss,
                "weightNames": list(gradients),
                "weightsSha256": fingerprint(weights),
                "float32Error": error,
            }
        )
        tensors = {f"gradient.{key}": value.float() for key, value in gradients.items()}
        save_file({"logits": results["logits"].contiguous(), **tensors}, folder / f"{name}.safetensors")
        print(f"{name}: loss {loss:.6f}, float32 off by {error['loss']:.1e}")
    (folder / "index.json").write_text(json.dumps(index, indent=1) + "\n")
