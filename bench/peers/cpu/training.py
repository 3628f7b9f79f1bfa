"""A whole training step: forward, backward, clipping, AdamW, from the very weights and tokens that ours starts with."""
import torch

import inputs
from formulas import mean_patch_loss
from llama import Llama, scored_rows

FASTEST_MODE = 'max-autotune-no-cudagraphs'  # README.md has what was tried


class GatheringLlama(Llama):
    """Takes K labels in one gather: faster than one by one, but for torch.compile, which fuses the K losses."""

    @staticmethod
    def loss(x, norm, weight, ids, K):
        hidden, labels = scored_rows(x, norm, ids, K)
        return mean_patch_loss(hidden, weight, labels)


def prepare(task):
    dims, optimizer = task['dims'], task['optimizer']
    V, T, C, F, L, H, K = (dims[key] for key in 'VTCFLHK')
    given = inputs.read(task['inputs'])
    ids = given.pop('ids').long()
    compiled = task['form'] == 'compile'
    model = (Llama if compiled or K == 1 else GatheringLlama)(V, T, C, F, L, H)
    _load(model, given, L)
    loss_of = torch.compile(model, dynamic=False, mode=FASTEST_MODE) if compiled else model
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() <= 1]
    adamw = torch.optim.AdamW(
        [{'params': matrices, 'weight_decay': optimizer['weightDecay']}, {'params': vectors, 'weight_decay': 0.0}],
        lr=optimizer['learningRate'],
        betas=tuple(optimizer['betas']),
        eps=optimizer['epsilon'],
        fused=True,
    )

    def step():
        loss = loss_of(ids, K)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), optimizer['gradientClip'])
        adamw.step()
        adamw.zero_grad(set_to_none=True)
        return loss.item()

    return step, [step() for _ in range(task['warmUps'])]


def _load(model, given, L):
    names = {'embedding': 'embedding.weight', 'head': 'head.weight', 'norm': 'norm'}
    for layer in range(L):
        for ours, theirs in (
            ('attention.norm', 'norm1'),
            ('attention.qkv', 'qkv.weight'),
            ('attention.out', 'out.weight'),
            ('feedForward.norm', 'norm2'),
            ('feedForward.gateUp', 'gate_up.weight'),
            ('feedForward.down', 'down.weight'),
        ):
            names[f'layers.{layer}.{ours}'] = f'blocks.{layer}.{theirs}'
    state = {names[name]: tensor for name, tensor in given.items()}
    missing = model.load_state_dict(state, strict=False).missing_keys
    if set(missing) != {'cos', 'sin'}:
        raise ValueError(f'no initial values for {missing}')
