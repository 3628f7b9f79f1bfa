// Causal attention with grouped queries, on packed qkv, without ever storing the [T, T] matrix
// (Dao, "FlashAttention-2", 2023).
//
//   s[i][j] = q[i] · k[j] / √D for j ≤ i      p = softmax over j      y[i] = Σ_j p[i][j] · v[j]
//   lse[i] = ln Σ_j e^s[i][j]
//
//   backward, with p recomputed from lse:      δ[i] = dy[i] · y[i]      dp = dy · vᵀ      ds = p · (dp − δ)
//   dv = pᵀ · dy      dq = ds · k / √D      dk = dsᵀ · q / √D
//
// A row of qkv holds H query heads, then G key heads, then G value heads, D numbers each; query head h reads key and
// value head h / (H/G), whose gradients sum over the group in order of heads.
// Sequences are `positions` (T) rows long and independent of one another.
// Sums run in fp32 over fixed blocks of keys and queries in a fixed order: the result does not depend on the number
// of workers. Workspace: packed keys and values of the sequences at work; backward: partial dq of 256 keys each.
//
// CUDA: D 32, 64, 80, 96 or 128. Products on tensor cores in bf16, p and ds rounded to it; scores, softmax and sums in
// fp32. Backward sums dq apart from dk and dv, with p computed anew for each: no atomics, the same bits in every run.
// Workspace: forward none; backward 8·B·H·T bytes, T rounded up to 128. Tiles: cuda/attention_blocking.h.
#pragma once
#include "core/op.h"

namespace pt::attention {
enum Tensor {
  qkv,  // [R, (H+2G)·D] compute read
  y,    // [R, H·D]      compute =
  lse,  // [B·H, T]      f32 =, natural logarithm
};
enum Param { heads, kv_heads, head_dim, positions };
extern const OpDef def;
}  // namespace pt::attention

namespace pt::attention_backward {
enum Tensor {
  qkv,   // [R, (H+2G)·D] compute read
  y,     // [R, H·D]      compute read, of the forward
  dy,    // [R, H·D]      compute read
  lse,   // [B·H, T]      f32 read, of the forward
  dqkv,  // [R, (H+2G)·D] compute =
};
enum Param { heads, kv_heads, head_dim, positions };
extern const OpDef def;
}  // namespace pt::attention_backward
