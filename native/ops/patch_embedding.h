// Patch embedding: the input of the model is the mean of the embedding rows of K consecutive tokens.
// K = 1 is the ordinary embedding lookup, bit for bit.
//
//   forward    y[b·T + i] = (1/K) · Σ_k table[ids[b, iK + k]]        k in order, 0 ≤ i < T = S/K
//   backward   dtable[v] (= | +=) (1/K) · Σ dy[p / K] over the flat positions p of ids [B·S] with ids[p] = v, in order
//
// An id outside 0 … V−1 ends the command with out_of_range before anything is written.
// Forward is row-parallel. Backward sorts the positions by id, then each table row is summed by one worker in the order
// of the tokens: no atomics, deterministic for any number of workers.
// Workspace: forward none; backward 8·(V + 1 + B·S) bytes.
#pragma once
#include "core/op.h"

namespace pt::patch_embedding {
enum Tensor {
  ids,    // [B, S] i32 read
  table,  // [V, C] f32 read
  y,      // [R, C] f32 =
};
enum Param {
  patch,  // K, divides S
};
extern const OpDef def;
}  // namespace pt::patch_embedding

namespace pt::patch_embedding_backward {
enum Tensor {
  ids,     // [B, S] i32 read
  dy,      // [R, C] f32 read
  dtable,  // [V, C] f32 = or +=; with = the rows of tokens that do not occur become zero
};
enum Param {
  patch,       // K, divides S
  accumulate,  // 1: +=, 0: =
};
extern const OpDef def;
}  // namespace pt::patch_embedding_backward
