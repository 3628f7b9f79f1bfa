"""Patch-level training of Hugging Face's LlamaForCausalLM, written as the paper's code does it."""

import torch
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaRMSNorm, LlamaRotaryEmbedding

from golden_formula import golden_weight


class DoubleRMSNorm(LlamaRMSNorm):
    def forward(self, hidden_states):
        variance = hidden_states.pow(2).mean(-1, keepdim=True)
        return self.weight * (hidden_states * torch.rsqrt(variance + self.variance_epsilon))


class DoubleRotaryEmbedding(LlamaRotaryEmbedding):
    def forward(self, x, position_ids):
        head_dim = self.config.head_dim
        exponent = torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim
        inverse_frequency = 1.0 / (self.config.rope_parameters["rope_theta"] ** exponent)
        angle = position_ids[..., None].double() * inverse_frequency
        angle = torch.cat((angle, angle), dim=-1)
        return angle.cos(), angle.sin()


def make_double(model):
    """Float64 all through. `model.double()` alone leaves the norms, the rotary table and the eager softmax in
    float32, whatever the dtype of the model; the softmax is dealt with by attn_implementation="sdpa"."""
    for module in model.modules():
        if isinstance(module, LlamaRMSNorm):
            module.__class__ = DoubleRMSNorm
        elif isinstance(module, LlamaRotaryEmbedding):
            module.__class__ = DoubleRotaryEmbedding
    return model.double()


def reorder_channels(name, tensor, order):
    """A weight (or gradient) of the same model with the channels of the residual stream in another order."""
    writes_stream = tensor.ndim == 1 or name.endswith(("o_proj.weight", "down_proj.weight"))
    return tensor.index_select(0 if writes_stream else 1, order)


def build(config, dtype, order=None):
    """The model of a golden case with the formula's weights, in float32 or float64.

    config: the fields of ModelConfig in lib/config/types.ts.
    order: a permutation of the channels of the stream; it is the same model, only summed in another order.
    """
    if order is None:
        order = torch.arange(config["width"])
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=config["vocabSize"],
            hidden_size=config["width"],
            intermediate_size=config["feedForward"],
            num_hidden_layers=config["layers"],
            num_attention_heads=config["heads"],
            num_key_value_heads=config["kvHeads"],
            head_dim=config["headDim"],
            rms_norm_eps=config["normEpsilon"],
            rope_parameters={"rope_type": "default", "rope_theta": config["ropeTheta"]},
            tie_word_embeddings=config["tiedHead"],
            attn_implementation="sdpa" if dtype == torch.float64 else "eager",
        )
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():  # a tied head is listed once, as the embedding
            weight = torch.from_numpy(golden_weight(name, tuple(parameter.shape)))
            parameter.copy_(reorder_channels(name, weight, order))
    return make_double(model) if dtype == torch.float64 else model.float()


def channel_orders(width):
    """One float32 run is one draw of the rounding errors; the naive error is the largest over these orders."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randperm(width, generator=generator) for _ in range(32)]


def original_order(tensors, order):
    return {name: reorder_channels(name, tensor, order.argsort()) for name, tensor in tensors.items()}


def largest(errors):
    """Entry by entry the largest of several dicts of errors."""
    return {name: max(error[name] for error in errors) for name in errors[0]}


def relative_errors(actual, expected):
    return {name: relative_error(actual[name], expected[name]) for name in expected}


def patch_logits(model, ids, patch):
    """[B, T, V]: one prediction for each patch of K tokens. ids [B, T*K]."""
    batch, tokens = ids.shape
    embeddings = model.model.embed_tokens(ids).view(batch, tokens // patch, patch, -1).mean(2)
    return model(inputs_embeds=embeddings, use_cache=False).logits


def patch_loss(logits, ids, patch):
    """Mean over the positions that have a next patch, and over its K tokens."""
    log_probabilities = torch.log_softmax(logits[:, :-1].reshape(-1, logits.shape[-1]), dim=-1)
    labels = ids[:, patch:].reshape(-1, patch)
    loss = sum(torch.nn.functional.nll_loss(log_probabilities, labels[:, k]) for k in range(patch))
    return loss / patch


def relative_error(actual, expected):
    """Largest difference over largest value: the error measure of all golden files."""
    difference = (actual.double() - expected.double()).abs().max().item()
    return difference / max(expected.abs().max().item(), 1e-300)
