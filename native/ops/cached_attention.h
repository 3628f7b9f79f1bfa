// Generation with a key/value cache: append the new rows' keys and values, then attend to everything cached.
// The two ops share a stem because they share the cache's layout: plane 0 keys, plane 1 values, P positions each.
//
//   kv_append           cache[0][p + i] = keys of row i, cache[1][p + i] = values of row i      p = position[0]
//   cached_attention    y[i] = softmax over j ≤ p + i of (q[i] · k[j] / √D), times v[j]
//
// qkv rows as in attention.h. A position outside the cache is refused when the op runs (out_of_range): position is
// read then, so that one recorded plan serves every step of a generation.
// Deterministic for any number of workers: one row and head is one task. Workspace: P scores for each worker.
//
// CUDA: D 32, 64, 80, 96 or 128; fp32 arithmetic. The cache is cut into splits, as many as the shapes alone say
// (CacheSplits in cuda/attention_blocking.h), whose softmaxes are joined in order. Workspace: (D + 4) floats for each
// row, head and split.
#pragma once
#include "core/op.h"

namespace pt::kv_append {
enum Tensor {
  qkv,       // [n, (H+2G)·D] compute read
  cache,     // [2, P, G·D]   compute: positions p … p + n − 1 =, the rest untouched
  position,  // [1] i32 read: the position of row 0
};
enum Param { heads, kv_heads, head_dim };
extern const OpDef def;
}  // namespace pt::kv_append

namespace pt::cached_attention {
enum Tensor {
  qkv,       // [n, (H+2G)·D] compute read: only the query heads
  cache,     // [2, P, G·D]   compute read
  y,         // [n, H·D]      compute =
  position,  // [1] i32 read: the position of row 0
};
enum Param { heads, kv_heads, head_dim };
extern const OpDef def;
}  // namespace pt::cached_attention
