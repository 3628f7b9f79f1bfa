"""Reads the tensors that ours wrote: a line of JSON with name, type and shape of each, then their bytes one after another."""
import json
import math

import torch

TYPES = {'f32': torch.float32, 'i32': torch.int32}


def read(path):
    """Name → tensor."""
    tensors = {}
    with open(path, 'rb') as file:
        for entry in json.loads(file.readline()):
            count = math.prod(entry['shape'])
            data = torch.frombuffer(bytearray(file.read(4 * count)), dtype=TYPES[entry['dtype']])
            tensors[entry['name']] = data.view(entry['shape'])
    return tensors
