"""Head and K-label loss, forward and backward; and the loss alone on given logits."""
import torch
import torch.nn.functional as F

from formulas import patch_loss, token_loss


def run(harness, row):
    if row['name'].startswith('cross_entropy'):
        return _loss_alone(harness, row)
    R, C, V, K = (row['dims'][key] for key in 'RCVK')
    loss = patch_loss if K > 1 else token_loss
    for peer, function in (('torch.compile', harness.compile(loss)), ('torch eager', loss)):

        def work(function=function):
            hidden = harness.normal(R, C, grad=True)
            weight = harness.normal(V, C, grad=True, std=0.02)
            labels = torch.randint(0, V, (R, K), device=harness.device)
            return lambda: torch.autograd.grad(function(hidden, weight, labels), (hidden, weight))

        harness.measure(row, peer, work, runs=10)


def _loss_alone(harness, row):
    R, V, K = (row['dims'][key] for key in 'RVK')

    def loss(logits, labels):
        log_probabilities = F.log_softmax(logits.float(), 1)
        return sum(F.nll_loss(log_probabilities, labels[:, k]) for k in range(K)) / K

    compiled = harness.compile(loss)

    def work():
        inputs = harness.rotation(lambda: (harness.normal(R, V, grad=True), torch.randint(0, V, (R, K), device=harness.device)))

        def both():
            logits, labels = next(inputs)
            torch.autograd.grad(compiled(logits, labels), logits)

        return both

    harness.measure(row, 'torch.compile', work)
