"""AdamW and clipping over fp32 weights in 64 tensors."""
import torch

TENSORS = 64


def run(harness, row):
    n = row['dims']['n']

    def work():
        weights = [harness.normal(n // TENSORS, dtype=torch.float32, grad=True) for _ in range(TENSORS)]
        for weight in weights:
            weight.grad = harness.normal(n // TENSORS, dtype=torch.float32)
        adamw = torch.optim.AdamW(weights, lr=3e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
        clip = lambda: torch.nn.utils.clip_grad_norm_(weights, 1.0)

        def both():
            clip()
            adamw.step()

        return {'grad_norm': clip, 'adamw': adamw.step, 'clip + adamw': both}[row['name']]

    harness.measure(row, 'torch fused', work, runs=10)
