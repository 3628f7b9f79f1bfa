"""Causal attention by each of PyTorch's backends."""
import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

CUDA_BACKENDS = {
    'SDPA cuDNN': SDPBackend.CUDNN_ATTENTION,
    'SDPA flash': SDPBackend.FLASH_ATTENTION,
    'SDPA efficient': SDPBackend.EFFICIENT_ATTENTION,
}


def run(harness, row):
    B, T, H, D = (row['dims'][key] for key in 'BTHD')
    backward = 'backward' in row['name']
    backends = CUDA_BACKENDS if harness.cuda else {'SDPA math': SDPBackend.MATH}
    for peer, backend in backends.items():

        def work(backend=backend):
            q, k, v = (harness.normal(B, T, H, D).transpose(1, 2).detach().requires_grad_() for _ in range(3))
            dy = harness.normal(B, H, T, D)

            def attend():
                with sdpa_kernel(backend):
                    return F.scaled_dot_product_attention(q, k, v, is_causal=True)

            def forward():
                with torch.no_grad():
                    attend()

            if not backward:
                return forward
            y = attend()
            return lambda: torch.autograd.grad(y, (q, k, v), dy, retain_graph=True)

        harness.measure(row, peer, work)
