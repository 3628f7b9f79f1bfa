"""Mean of K embeddings, and its gradient."""
import torch
import torch.nn.functional as F


def run(harness, row):
    R, C, V, K = (row['dims'][key] for key in 'RCVK')
    backward = 'backward' in row['name']

    def embed(table, ids):
        return F.embedding(ids, table).view(R, K, C).mean(1)

    function = harness.compile(embed)

    def work():
        table = harness.normal(V, C, grad=backward)
        ids = torch.randint(0, V, (R * K,), device=harness.device)
        if not backward:
            return lambda: function(table, ids)
        y, dy = function(table, ids), harness.normal(R, C)
        return lambda: torch.autograd.grad(y, table, dy, retain_graph=True)

    harness.measure(row, 'torch.compile', work)
