#include <cmath>

#include "cpu/attention_operands.h"
#include "cpu/kernels.h"
#include "ops/attention.h"

namespace pt::cpu {
using namespace simd;

static_assert(kKeyBlock == kQueryBlock, "a block of keys starts where a block of queries does: one is on the diagonal");
static_assert(kKeyChunk % kKeyBlock == 0 && kKeyBlock % kTileColumns == 0, "blocks are whole tiles");

/// What a task keeps while it works on one chunk of keys.
struct ChunkScratch {
  float *keys, *keys_t, *values_t, *dk, *dv;  // kKeyChunk × padded each
  float *q, *dy, *dq;                         // kQueryBlock × padded each
  float *p, *ds;                              // [kQueryBlock][kKeyBlock]

  ChunkScratch(float* memory, int64_t padded) {
    const auto take = [&](int64_t n) {
      float* taken = memory;
      memory += n;
      return taken;
    };
    for (float** of_chunk : {&keys, &keys_t, &values_t, &dk, &dv}) *of_chunk = take(kKeyChunk * padded);
    for (float** of_block : {&q, &dy, &dq}) *of_block = take(kQueryBlock * padded);
    for (float** square : {&p, &ds}) *square = take(kQueryBlock * kKeyBlock);
  }
};

/// One row of a block: p goes from scores to probabilities, ds from dp to ds. Both are zero from `valid` on.
static void differentiate_row(float* p, float* ds, int64_t valid, float lse, float delta) {
  const F lse_lanes = set(lse), delta_lanes = set(delta);
  int64_t j = 0;
  for (; j < valid; j += kLanes) {
    F probability = exp(load(p + j) - lse_lanes);
    if (j + kLanes > valid) probability = first_lanes(probability, valid - j, 0.0f);
    store(p + j, probability);
    store(ds + j, probability * (load(ds + j) - delta_lanes));
  }
  for (; j < kKeyBlock; j += kLanes) {
    store(p + j, F{});
    store(ds + j, F{});
  }
}

/// One block of queries against one block of n keys, the j-th of the chunk on: adds to dq, dk and dv.
/// On the diagonal query i sees the keys up to i only.
static void backward_block(const AttentionShape& s, const ChunkScratch& m, int64_t rows, int64_t j, int64_t n,
                           bool diagonal, const float* lse, const float* delta) {
  using One = Fixed<1>;
  using Stride = Fixed<kKeyBlock>;
  const int64_t padded = s.padded();
  for (int64_t i = 0; i < rows; i += kStripRows) {
    const int64_t height = std::min<int64_t>(kStripRows, rows - i), end = diagonal ? std::min(n, i + height) : n;
    float *p = m.p + i * kKeyBlock, *ds = m.ds + i * kKeyBlock;
    multiply_transposed(height, end, s.D, m.q + i * padded, padded, m.keys_t + j * s.D, p, kKeyBlock);
    multiply_transposed(height, end, s.D, m.dy + i * padded, padded, m.values_t + j * s.D, ds, kKeyBlock);
    for (int64_t r = 0; r < height; r++)
      differentiate_row(p + r * kKeyBlock, ds + r * kKeyBlock, diagonal ? i + r + 1 : n, lse[i + r], delta[i + r]);
    strip(height, padded, end, ds, Stride{}, One{}, m.keys + j * padded, padded, m.dq + i * padded, padded, true);
  }
  for (int64_t k = 0; k < n; k += kStripRows) {
    const int64_t height = std::min<int64_t>(kStripRows, n - k), first = diagonal ? k : 0;  // first query that sees k
    const int64_t corner = first * kKeyBlock + k, below = rows - first;
    strip(height, padded, below, m.p + corner, One{}, Stride{}, m.dy + first * padded, padded, m.dv + (j + k) * padded,
          padded, true);
    strip(height, padded, below, m.ds + corner, One{}, Stride{}, m.q + first * padded, padded, m.dk + (j + k) * padded,
          padded, true);
  }
}

struct BackwardTensors {
  const float *qkv, *y, *dy, *lse;
  float* dqkv;
};

/// One chunk of keys of one key/value head: its dk and dv, and its share of dq for every query head of the group. The
/// first chunk reaches every query and writes dq; the others leave theirs in `partial`.
static void backward_chunk(const AttentionShape& s, const BackwardTensors& t, int64_t pair, int64_t chunk,
                           float* partial, const ChunkScratch& m) {
  const int64_t padded = s.padded(), width = s.width(), y_width = s.H * s.D;
  const int64_t first = chunk * kKeyChunk, keys = std::min(kKeyChunk, s.T - first);
  const float scale = 1.0f / std::sqrt(static_cast<float>(s.D));
  const HeadOffsets own(s, pair, 0);
  pack_rows(t.qkv + own.k + first * width, width, keys, s.D, padded, 1.0f, m.keys);
  pack_transposed(t.qkv + own.k + first * width, width, keys, s.D, m.keys_t);
  pack_transposed(t.qkv + own.v + first * width, width, keys, s.D, m.values_t);
  std::fill(m.dk, m.dk + keys * padded, 0.0f);
  std::fill(m.dv, m.dv + keys * padded, 0.0f);

  for (int64_t h = 0; h < s.group(); h++, partial += s.partial_floats())
    for (int64_t i0 = first; i0 < s.T; i0 += kQueryBlock) {
      const HeadOffsets at(s, pair, h);
      const int64_t rows = std::min(kQueryBlock, s.T - i0);
      const float* y = t.y + at.y + i0 * y_width;
      pack_rows(t.qkv + at.q + i0 * width, width, rows, s.D, padded, scale, m.q);
      pack_rows(t.dy + at.y + i0 * y_width, y_width, rows, s.D, padded, 1.0f, m.dy);
      std::fill(m.dq, m.dq + rows * padded, 0.0f);
      float delta[kQueryBlock];
      for (int64_t i = 0; i < rows; i++) delta[i] = dot(m.dy + i * padded, y + i * y_width, s.D);

      for (int64_t j = 0; j < keys && first + j <= i0; j += kKeyBlock)
        backward_block(s, m, rows, j, std::min(kKeyBlock, keys - j), first + j == i0, t.lse + at.lse + i0, delta);

      if (chunk == 0)
        unpack_rows(m.dq, rows, s.D, padded, scale, t.dqkv + at.q + i0 * width, width);
      else
        unpack_rows(m.dq, rows, padded, padded, scale, partial + (s.partial_rows(chunk) + i0 - first) * padded, padded);
    }
  unpack_rows(m.dk, keys, s.D, padded, 1.0f, t.dqkv + own.k + first * width, width);
  unpack_rows(m.dv, keys, s.D, padded, 1.0f, t.dqkv + own.v + first * width, width);
}

/// dq of the queries of one chunk's length += what the chunks 1 … block left for them, in order.
static void add_partials(const AttentionShape& s, const float* partial, int64_t block, float* dq) {
  for (int64_t i = block * kKeyChunk; i < std::min(s.T, (block + 1) * kKeyChunk); i++)
    for (int64_t chunk = 1; chunk <= block; chunk++) {
      const float* share = partial + (s.partial_rows(chunk) + i - chunk * kKeyChunk) * s.padded();
      for (int64_t d = 0; d < s.D; d++) dq[i * s.width() + d] += share[d];
    }
}

Status attention_backward(const Command& c, const Launch& launch) {
  namespace op = pt::attention_backward;
  const AttentionShape s(c);
  const BackwardTensors t{c.f32(op::qkv), c.f32(op::y), c.f32(op::dy), c.f32(op::lse), c.f32(op::dqkv)};
  const int64_t at_once = s.backward_pairs(), chunks = s.chunks();
  float* partial = static_cast<float*>(launch.workspace);  // [at_once][H/G][partial_rows][padded]
  float* scratch = partial + at_once * s.group() * s.partial_floats();

  for (int64_t pair0 = 0; pair0 < s.pairs(); pair0 += at_once) {
    const int64_t pairs = std::min(at_once, s.pairs() - pair0);
    parallel_for(launch.workers, pairs * chunks, [&](int64_t task, int worker) {
      const int64_t pair = task % pairs, chunk = task / pairs;  // the first chunks see the most queries: longest first
      backward_chunk(s, t, pair0 + pair, chunk, partial + pair * s.group() * s.partial_floats(),
                     ChunkScratch(scratch + worker * s.backward_worker_floats(), s.padded()));
    });
    parallel_for(launch.workers, pairs * s.group() * (chunks - 1), [&](int64_t task, int) {
      const int64_t head = task / (chunks - 1), block = task % (chunks - 1) + 1;
      const HeadOffsets at(s, pair0 + head / s.group(), head % s.group());
      add_partials(s, partial + head * s.partial_floats(), block, t.dqkv + at.q);
    });
  }
  return Status::success();
}

}  // namespace pt::cpu
