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
//
// CUDA: table, y and dy are bf16, C a multiple of 8; sums in f32, y rounded once. An id outside the vocabulary raises a
// fault; it counts as an embedding of zeros, and backward passes over it. Backward adds in the order of the tokens
// within chunks of the sorted positions, then the chunks in order: the same bits for the same ids and dy.
#pragma once
#include "core/op.h"
#include "cuda/sort.h"

namespace pt::patch_embedding {
enum Tensor {
  ids,    // [B, S] i32 read
  table,  // [V, C] f32 | bf16 read
  y,      // [R, C] f32 | bf16 =
};
enum Param {
  patch,  // K, divides S
};
extern const OpDef def;
}  // namespace pt::patch_embedding

namespace pt::patch_embedding_backward {
enum Tensor {
  ids,     // [B, S] i32 read
  dy,      // [R, C] f32 | bf16 read
  dtable,  // [V, C] f32 = or +=; with = the rows of tokens that do not occur become zero
};
enum Param {
  patch,       // K, divides S
  accumulate,  // 1: +=, 0: =
};
extern const OpDef def;

/// The parts of the CUDA workspace for n ids: where each begins, in bytes, and how much all take.
struct CudaWorkspace {
  int64_t chunk = 32;  // sorted positions that one block sums; few where there are few, so that all processors work
  size_t spare, counts, partial, bytes;  // two lists of sort entries, the counts of the sort, f32 [chunks, 2, C]

  CudaWorkspace(int64_t n, int64_t C) {
    while (chunk < 256 && n > 1024 * chunk) chunk *= 2;
    const int64_t chunks = (n + chunk - 1) / chunk;
    spare = after(0, n * static_cast<int64_t>(sizeof(cuda::SortEntry)));
    counts = after(spare, n * static_cast<int64_t>(sizeof(cuda::SortEntry)));
    partial = after(counts, cuda::sort_counts(n) * static_cast<int64_t>(sizeof(int32_t)));
    bytes = after(partial, chunks * 2 * C * static_cast<int64_t>(sizeof(float)));
  }

 private:
  static size_t after(size_t offset, int64_t size) { return (offset + static_cast<size_t>(size) + 255) / 256 * 256; }
};
}  // namespace pt::patch_embedding_backward
