#include "ops/attention.h"

#include <cmath>
#include <limits>

#include "cpu/attention_operands.h"
#include "cpu/kernels.h"

namespace pt::cpu {
using namespace simd;

static_assert(kScoreKeys % kQueryBlock == 0, "every row of a block of queries sees a key of the last block of keys");
static_assert(kQueryBlock % kTileColumns == 0, "blocks are whole tiles");

/// One row of an online softmax (Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018).
struct RowState {
  float max = -std::numeric_limits<float>::infinity();
  F sum = {};  // by lane; added up at the end of the row
};

/// scores[0 … valid) become e^(score − max); zero from there to `end`. Returns what the row's earlier sums must be
/// multiplied by.
static float soften(float* scores, int64_t valid, int64_t end, RowState& row) {
  const int64_t last = (valid - 1) / kLanes * kLanes;  // the vector that holds the last valid score
  store(scores + last, first_lanes(load(scores + last), valid - last, -std::numeric_limits<float>::infinity()));
  F top = load(scores);
  for (int64_t j = kLanes; j <= last; j += kLanes) top = max(top, load(scores + j));
  const float before = row.max;
  row.max = std::max(before, max_lane(top));
  const F offset = set(row.max);
  F sum = {};
  for (int64_t j = 0; j <= last; j += kLanes) {
    const F p = exp(load(scores + j) - offset);
    sum += p;
    store(scores + j, p);
  }
  for (int64_t j = last + kLanes; j < end; j++) scores[j] = 0.0f;
  const float correction = before == row.max ? 1.0f : exp(set(before - row.max))[0];
  row.sum = row.sum * correction + sum;
  return correction;
}

/// One head of one sequence.
struct ForwardHead {
  const float* q;       // rows `width` apart
  const float* keys;    // transposed panels
  const float* values;  // [T][padded]
  float* y;             // rows H · D apart
  float* lse;           // [T]
};

/// kQueryBlock queries from i0 against all keys up to the diagonal.
static void forward_block(const AttentionShape& s, const ForwardHead& head, int64_t i0, float* scratch) {
  const int64_t padded = s.padded(), rows = std::min(kQueryBlock, s.T - i0);
  const float scale = 1.0f / std::sqrt(static_cast<float>(s.D));
  float *queries = scratch, *sums = scratch + kQueryBlock * padded;
  pack_rows(head.q + i0 * s.width(), s.width(), rows, s.D, padded, scale, queries);
  RowState state[kQueryBlock];

  for (int64_t j0 = 0; j0 < i0 + rows; j0 += kScoreKeys)
    for (int64_t i = 0; i < rows; i += kStripRows) {
      const int64_t height = std::min<int64_t>(kStripRows, rows - i);
      const int64_t end = std::min(kScoreKeys, i0 + i + height - j0);  // keys that the strip's last row sees
      float scores[kStripRows * kScoreKeys];
      multiply_transposed(height, end, s.D, queries + i * padded, padded, head.keys + j0 * s.D, scores, kScoreKeys);
      for (int64_t r = 0; r < height; r++) {
        const int64_t valid = std::min(end, i0 + i + r + 1 - j0);
        const float correction = soften(scores + r * kScoreKeys, valid, end, state[i + r]);
        float* sum = sums + (i + r) * padded;
        if (j0 > 0 && correction != 1.0f)
          for (int64_t d = 0; d < padded; d += kLanes) store(sum + d, load(sum + d) * correction);
      }
      strip(height, padded, end, scores, Fixed<kScoreKeys>{}, Fixed<1>{}, head.values + j0 * padded, padded,
            sums + i * padded, padded, j0 > 0);
    }

  for (int64_t i = 0; i < rows; i++) {
    const float total = sum(state[i].sum);
    unpack_rows(sums + i * padded, 1, s.D, padded, 1.0f / total, head.y + (i0 + i) * s.H * s.D, s.H * s.D);
    head.lse[i0 + i] = static_cast<float>(state[i].max + std::log(static_cast<double>(total)));
  }
}

Status attention(const Command& c, const Launch& launch) {
  namespace op = pt::attention;
  const AttentionShape s(c);
  const float* qkv = c.f32(op::qkv);  // [R, (H+2G)·D]
  float* y = c.f32(op::y);            // [R, H·D]
  float* lse = c.f32(op::lse);        // [B·H, T]
  const int64_t at_once = s.forward_pairs(), packed = s.packed_floats(), width = s.width();
  float* keys = static_cast<float*>(launch.workspace);
  float* values = keys + at_once * packed;
  float* scratch = values + at_once * packed;

  for (int64_t pair0 = 0; pair0 < s.pairs(); pair0 += at_once) {
    const int64_t pairs = std::min(at_once, s.pairs() - pair0), heads = pairs * s.group();
    parallel_for(launch.workers, pairs * s.query_blocks(), [&](int64_t task, int) {
      const int64_t pair = task / s.query_blocks(), j0 = task % s.query_blocks() * kQueryBlock;
      const int64_t n = std::min(kQueryBlock, s.T - j0);
      const HeadOffsets at(s, pair0 + pair, 0);
      pack_transposed(qkv + at.k + j0 * width, width, n, s.D, keys + pair * packed + j0 * s.D);
      pack_rows(qkv + at.v + j0 * width, width, n, s.D, s.padded(), 1.0f, values + pair * packed + j0 * s.padded());
    });
    parallel_for(launch.workers, heads * s.query_blocks(), [&](int64_t task, int worker) {
      const int64_t block = s.query_blocks() - 1 - task / heads;  // the longest rows first: an even finish
      const int64_t pair = task % heads / s.group();
      const HeadOffsets at(s, pair0 + pair, task % s.group());
      const ForwardHead head{qkv + at.q, keys + pair * packed, values + pair * packed, y + at.y, lse + at.lse};
      forward_block(s, head, block * kQueryBlock, scratch + worker * s.forward_worker_floats());
    });
  }
  return Status::success();
}

}  // namespace pt::cpu
