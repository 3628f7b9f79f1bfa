// Generation with a key/value cache: append the new rows' keys and values, then attend to everything cached.
// The two ops share a stem because they share the cache's layout: plane 0 keys, plane 1 values, P positions each.
//
//   kv_append           cache[0][p + i] = keys of row i, cache[1][p + i] = values of row i      p = position[0]
//   cached_attention    y[i] = softmax over j ≤ p + i of (q[i] · k[j] / √D), times v[j]
//
// qkv rows as in attention.h. A position outside the cache is refused when the op runs (out_of_range): position is
// read then, so that one recorded plan serves every step of a generation.
// Deterministic for any number of workers: one row and head is one task. Workspace: P scores for each worker.
#pragma once
#include "core/op.h"

namespace pt::kv_append {
enum Tensor {
  qkv,       // [n, (H+2G)·D] f32 read
  cache,     // [2, P, G·D]   f32: positions p … p + n − 1 =, the rest untouched
  position,  // [1] i32 read: the position of row 0
};
enum Param { heads, kv_heads, head_dim };
extern const OpDef def;
}  // namespace pt::kv_append

namespace pt::cached_attention {
enum Tensor {
  qkv,       // [n, (H+2G)·D] f32 read: only the query heads
  cache,     // [2, P, G·D]   f32 read
  y,         // [n, H·D]      f32 =
  position,  // [1] i32 read: the position of row 0
};
enum Param { heads, kv_heads, head_dim };
extern const OpDef def;
}  // namespace pt::cached_attention
