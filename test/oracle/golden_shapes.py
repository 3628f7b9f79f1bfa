"""Golden shapes: many models, of each only what is small: the loss, the slope of the loss along one random direction
of each weight, and the error of float32."""

import json

import numpy as np
import torch

from golden_formula import golden_ids, golden_weight
from golden_models import float32_error, run

FIRST_ID = 50_000  # away from the ids of the golden models
BASE = {
    "vocabSize": 61,
    "width": 16,
    "feedForward": 24,
    "layers": 2,
    "heads": 4,
    "kvHeads": 2,
    "headDim": 16,
    "ropeTheta": 10000.0,
    "normEpsilon": 1e-5,
    "tiedHead": False,
    "initStd": 0.02,  # for the type only: the weights come from the formula
}


def cases():
    """(change of BASE, K, B, T)"""
    for head_dim in (64, 80, 96, 128):
        for patch in (1, 2, 3, 4, 8):
            for heads, kv_heads in ((4, 2), (4, 4)):
                for tied in (False, True):
                    change = {"headDim": head_dim, "heads": heads, "kvHeads": kv_heads, "tiedHead": tied}
                    yield change, patch, 2, 5
    odd = {"vocabSize": 43, "width": 21, "feedForward": 7, "heads": 3, "kvHeads": 1, "headDim": 6}
    yield odd, 4, 3, 7
    yield {"heads": 8, "kvHeads": 1}, 4, 2, 9
    yield {"layers": 1}, 4, 1, 9
    yield {"layers": 3}, 4, 1, 9
    yield {}, 4, 1, 3
    yield {}, 4, 1, 131
    yield {}, 4, 6, 5
    yield {"tiedHead": True}, 4, 6, 5
    yield {"ropeTheta": 500.0, "normEpsilon": 0.1}, 4, 2, 9


def slope(name, gradient):
    """Along the direction that the formula draws for this weight."""
    direction = golden_weight(f"direction of {name}", (gradient.numel(), 1)).ravel()
    return float(np.dot(gradient.numpy().ravel(), direction.astype(np.float64)))


def golden(change, patch, sequences, positions):
    config = {**BASE, **change}
    ids = torch.from_numpy(golden_ids(FIRST_ID, (sequences, positions * patch), config["vocabSize"])).long()
    results, gradients = run(config, ids, patch, torch.float64)
    error = float32_error(config, ids, patch, results, gradients)
    return {
        "config": config,
        "patchSize": patch,
        "sequences": sequences,
        "positions": positions,
        "firstId": FIRST_ID,
        "loss": results["loss"].item(),
        "slopes": [slope(name, gradient) for name, gradient in gradients.items()],
        "float32Errors": [float(f"{error['gradients'][name]:.3g}") for name in gradients],
    }


def write(path):
    lines = [json.dumps(golden(*case)) for case in cases()]
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n")
    print(f"{path.name}: {len(lines)} shapes")
