"""The model of the whole step: the best that plain PyTorch gives, fp32 weights under autocast to bf16."""
import torch
import torch.nn as nn
import torch.nn.functional as F

from formulas import patch_loss, rms_norm, rotate, swiglu, token_loss


class Block(nn.Module):
    def __init__(self, C, feed_forward, H):
        super().__init__()
        self.H = H
        self.norm1, self.norm2 = nn.Parameter(torch.ones(C)), nn.Parameter(torch.ones(C))
        linear = lambda inputs, outputs: nn.Linear(inputs, outputs, bias=False)
        self.qkv, self.out = linear(C, 3 * C), linear(C, C)
        self.gate_up, self.down = linear(C, 2 * feed_forward), linear(feed_forward, C)

    def forward(self, x, cos, sin):
        B, T, C = x.shape
        q, k, v = self.qkv(rms_norm(x, self.norm1)).view(B, T, 3, self.H, C // self.H).permute(2, 0, 3, 1, 4)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(attended.transpose(1, 2).reshape(B, T, C))
        return x + self.down(swiglu(self.gate_up(rms_norm(x, self.norm2))))


def scored_rows(x, norm, ids, K):
    """What the head sees of the positions that have a next patch, and the K labels of each."""
    return rms_norm(x, norm)[:, :-1].reshape(-1, x.shape[-1]), ids[:, K:].reshape(-1, K)


class Llama(nn.Module):
    def __init__(self, V, T, C, feed_forward, L, H):
        super().__init__()
        self.embedding = nn.Embedding(V, C)
        self.blocks = nn.ModuleList(Block(C, feed_forward, H) for _ in range(L))
        self.norm = nn.Parameter(torch.ones(C))
        self.head = nn.Linear(C, V, bias=False)
        D = C // H
        angles = torch.outer(torch.arange(T).float(), 1 / 10_000 ** (torch.arange(0, D, 2).float() / D))
        angles = torch.cat((angles, angles), -1)
        self.register_buffer('cos', angles.cos())
        self.register_buffer('sin', angles.sin())
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, std=0.02)

    def compile_regions(self):
        """One block, reused by all, and the loss: as fast as the whole graph, in a fraction of its compile time."""
        for block in self.blocks:
            block.compile(dynamic=False)
        self.loss = torch.compile(self.loss, dynamic=False)

    def forward(self, ids, K):
        B, S = ids.shape
        x = self.embedding(ids).view(B, S // K, K, -1).mean(2)
        if torch.is_autocast_enabled():
            x = x.to(torch.bfloat16)
        cos, sin = self.cos.to(x.dtype), self.sin.to(x.dtype)
        for block in self.blocks:
            x = block(x, cos, sin)
        return self.loss(x, self.norm, self.head.weight, ids, K)

    @staticmethod
    def loss(x, norm, weight, ids, K):
        hidden, labels = scored_rows(x, norm, ids, K)
        return patch_loss(hidden, weight, labels) if K > 1 else token_loss(hidden, weight, labels)
