"""python3 main.py --rows rows.json --out FILE [--seconds N] [--only section,…] [--cpu]

Measures the rows of rows.json (see bench/cuda/peer-rows.ts) with PyTorch and appends a line for each to FILE. --cpu tries the
scripts themselves where there is no GPU.
"""
import argparse
import json
import sys

import torch
import torch._functorch.config

import attention
import embedding
import fused
import head
import optimizer
import products
import step
from harness import Harness

# In order of importance: what is out of time is left out.
SECTIONS = {
    'attention': attention,
    'step': step,
    'head': head,
    'fused': fused,
    'optimizer': optimizer,
    'embedding': embedding,
    'gemm': products,
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--rows', required=True)
    parser.add_argument('--out', required=True)
    parser.add_argument('--device-name', default='unknown')
    parser.add_argument('--seconds', type=float, default=240)
    parser.add_argument('--only', default='')
    parser.add_argument('--cpu', action='store_true')
    arguments = parser.parse_args()
    if not arguments.cpu and not torch.cuda.is_available():
        sys.exit('PyTorch finds no CUDA device here; --cpu tries the scripts without one')
    torch.manual_seed(0)
    torch.set_float32_matmul_precision('high')
    harness = Harness(arguments.out, arguments.device_name, arguments.seconds, arguments.cpu)
    cudnn = None if arguments.cpu else torch.backends.cudnn.version()
    harness.line('versions', 'torch', torch=torch.__version__, cuda=torch.version.cuda, cudnn=cudnn)
    rows = json.load(open(arguments.rows))
    wanted = arguments.only.split(',') if arguments.only else list(SECTIONS)
    for section in wanted:
        # A compiled backward that may reuse the memory of its graph can run once only; ops alone run theirs many times.
        torch._functorch.config.donated_buffer = section == 'step'
        for row in rows:
            if row['section'] == section:
                SECTIONS[section].run(harness, row)
    sys.exit(0 if harness.ok else 1)


if __name__ == '__main__':
    main()
