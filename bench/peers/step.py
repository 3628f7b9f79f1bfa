"""Whole training steps: forward, backward, clipping, AdamW."""
import torch

from llama import Llama


def run(harness, row):
    B, T, C, F, L, H, V, K = (row['dims'][key] for key in 'BTCFLHVK')
    for peer in ('torch.compile', 'torch eager'):
        if harness.seconds_left() < 30 and harness.cuda:
            harness.line(row['name'], peer, skipped='out of time')
            continue

        def work(peer=peer):
            model = Llama(V, T, C, F, L, H).to(harness.device)
            if peer == 'torch.compile' and harness.cuda:
                model.compile_regions()
            adamw = torch.optim.AdamW(model.parameters(), lr=3e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
            ids = torch.randint(0, V, (B, T * K), device=harness.device)

            def step():
                with torch.autocast(harness.device.type, dtype=torch.bfloat16, enabled=harness.cuda):
                    loss = model(ids, K)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                adamw.step()
                adamw.zero_grad(set_to_none=True)
                loss.item()  # a trainer looks at its loss

            return step

        if harness.cuda:
            torch.cuda.reset_peak_memory_stats()
        harness.measure(row, peer, work, figures=lambda: _peak(harness), runs=8, seconds=4)
        torch.compiler.reset()


def _peak(harness):
    return {'peak_gib': torch.cuda.max_memory_allocated() / 2**30} if harness.cuda else {}
