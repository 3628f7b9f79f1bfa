"""Golden schedules: the learning rate of every step, the first included, by transformers' own schedules."""

import json

import torch
from transformers import (
    get_constant_schedule_with_warmup,
    get_cosine_schedule_with_warmup,
    get_cosine_with_min_lr_schedule_with_warmup,
    get_linear_schedule_with_warmup,
    get_wsd_schedule,
)

PEAK = 3e-4
LENGTHS = [(0, 1), (0, 7), (1, 10), (3, 10), (10, 10), (20, 100), (99, 100)]  # (warm-up steps, total steps)
# (warm-up, decay, total steps)
STABLE_LENGTHS = [(0, 4, 10), (3, 5, 20), (10, 20, 100), (5, 0, 12)]
FLOORS = (0.0, 0.1)  # what the decay ends at, as a share of the peak


def learning_rates(make, total):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=PEAK)
    schedule = make(optimizer)
    rates = []
    for _ in range(total):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


def golden(shape, warmup, total, rates, decay=0, floor=0.0):
    """The fields of `learningRate` are those of LearningRateConfig in lib/config/types.ts."""
    learning_rate = {"shape": shape, "peak": PEAK, "warmupSteps": warmup, "decaySteps": decay, "floor": floor}
    return {"learningRate": learning_rate, "totalSteps": total, "rates": rates}


def cases():
    for warmup, total in LENGTHS:
        for shape, make in (
            ("cosine", lambda o: get_cosine_schedule_with_warmup(o, warmup, total)),
            ("linear", lambda o: get_linear_schedule_with_warmup(o, warmup, total)),
            ("constant", lambda o: get_constant_schedule_with_warmup(o, warmup)),
        ):
            yield golden(shape, warmup, total, learning_rates(make, total))
        floor = FLOORS[1]
        make = lambda o: get_cosine_with_min_lr_schedule_with_warmup(o, warmup, total, min_lr_rate=floor)
        yield golden("cosine", warmup, total, learning_rates(make, total), floor=floor)
    for warmup, decay, total in STABLE_LENGTHS:
        for floor in FLOORS:
            make = lambda o: get_wsd_schedule(o, warmup, decay, num_training_steps=total, min_lr_ratio=floor)
            yield golden("warmup-stable-decay", warmup, total, learning_rates(make, total), decay, floor)


def write(path):
    lines = ",\n".join(json.dumps(case) for case in cases())
    path.write_text(f"[\n{lines}\n]\n")
