"""The model's formulas as a PyTorch user writes them."""
import torch
import torch.nn.functional as F


def rms_norm(x, weight):
    wide = x.float()
    return (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-5) * weight.float()).to(x.dtype)


def add_rms_norm(x, delta, weight):
    total = x + delta
    return rms_norm(total, weight), total


def swiglu(gate_up):
    gate, up = gate_up.chunk(2, -1)
    return F.silu(gate) * up


def rotate(x, cos, sin):
    """x [..., T, D] in the rotate-half form."""
    half = x.shape[-1] // 2
    return x * cos + torch.cat((-x[..., half:], x[..., :half]), -1) * sin


def patch_loss(hidden, weight, labels):
    """Head and loss of R rows against K labels each, as the reference implementation of the method writes them."""
    log_probabilities = F.log_softmax((hidden @ weight.t()).float(), 1)
    K = labels.shape[1]
    return sum(F.nll_loss(log_probabilities, labels[:, k]) for k in range(K)) / K


def mean_patch_loss(hidden, weight, labels):
    """The same loss in one gather, where patch_loss goes through the K labels one by one."""
    log_probabilities = F.log_softmax((hidden @ weight.t()).float(), 1)
    return -log_probabilities.gather(1, labels).mean()


def token_loss(hidden, weight, labels):
    return F.cross_entropy((hidden @ weight.t()).float(), labels[:, 0])
