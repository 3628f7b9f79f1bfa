"""Single operations on the tensors that ours wrote. What a turn computes is checked once, by the norm of its results."""
import math

import torch
import torch.nn.functional as F

import inputs


def prepare(task):
    given = inputs.read(task['inputs'])
    work = WORKS[task['work']](given, task)
    results = work()
    # In place where the work is: the norm of what the first run left.
    value = math.sqrt(sum(float(t.double().square().sum()) for t in results))
    del results
    for _ in range(task['warmUps']):
        work()

    def turn():
        for _ in range(task['repeats']):
            work()

    return turn, [value]


def _queries_keys_values(given, task):
    """[B, H, T, D] each, as views of the packed [B·T, 3·H·D] that a product of the three weights gives."""
    B, T, H, D = (task['dims'][key] for key in 'BTHD')
    return given['qkv'].view(B, T, 3, H, D).permute(2, 0, 3, 1, 4)


def attention(given, task):
    q, k, v = _queries_keys_values(given, task)

    def work():
        with torch.no_grad():
            return (F.scaled_dot_product_attention(q, k, v, is_causal=True),)

    return work


def attention_backward(given, task):
    q, k, v = (t.detach().requires_grad_() for t in _queries_keys_values(given, task))
    B, T, H, D = (task['dims'][key] for key in 'BTHD')
    dy = given['dy'].view(B, T, H, D).transpose(1, 2)
    y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return lambda: torch.autograd.grad(y, (q, k, v), dy, retain_graph=True)


def product(given, task):
    a, b = given['a'], given['b']
    a = a.t() if task['dims']['transA'] else a
    b = b.t() if task['dims']['transB'] else b
    out = torch.empty(a.shape[0], b.shape[1])
    return lambda: (torch.mm(a, b, out=out),)


def cross_entropy(given, task):
    """The gradient of the mean loss; the last position has nothing to predict."""
    logits = given['logits'].requires_grad_()
    labels = torch.cat((given['ids'].view(-1)[1:].long(), torch.tensor([-100])))

    def loss(logits):
        return F.cross_entropy(logits, labels)

    function = torch.compile(loss, dynamic=False) if task['form'] == 'compile' else loss
    return lambda: torch.autograd.grad(function(logits), logits)


def adamw(given, task):
    """One flat tensor of each: as few calls as there can be."""
    optimizer = task['optimizer']
    weight, gradient = given['weight'], given['gradient']
    weight.grad = gradient
    before = weight.clone()
    update = torch.optim.AdamW(
        [weight],
        lr=optimizer['learningRate'],
        betas=tuple(optimizer['betas']),
        eps=optimizer['epsilon'],
        weight_decay=optimizer['weightDecay'],
        fused=True,
    )

    def work():
        torch.nn.utils.clip_grad_norm_([weight], optimizer['gradientClip'])
        update.step()
        return Change(weight, before)

    return work


class Change:
    """weight − before, computed only when it is looked at."""

    def __init__(self, weight, before):
        self._pair = (weight, before)

    def __iter__(self):
        weight, before = self._pair
        yield weight - before


WORKS = {
    'attention': attention,
    'attention_backward': attention_backward,
    'product': product,
    'cross_entropy': cross_entropy,
    'adamw': adamw,
}
