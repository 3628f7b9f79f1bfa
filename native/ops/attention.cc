#include "ops/attention.h"

#include <cmath>
#include <limits>

#include "cpu/attention_blocking.h"
#include "cpu/attention_pack.h"
#include "cpu/kernels.h"

namespace pt::cpu {
using namespace simd;
using One = Fixed<1>;

static_assert(kScoreKeys % kQueryBlock == 0, "every row of a block of queries sees a key of the last block of keys");
static_assert(kKeyChunk % kKeyBlock == 0 && kKeyBlock % kTileColumns == 0, "blocks are whole tiles");

static AttentionShape shape_of(const Command& c, int rows_slot) {
  namespace op = pt::attention;  // both ops have the same parameters
  const int64_t T = c.integer(op::positions);
  return {c.dim(rows_slot, 0) / T, T, c.integer(op::heads), c.integer(op::kv_heads), c.integer(op::head_dim)};
}

/// Where one query head of one sequence, and its key and value head, lie in qkv (or dqkv).
template <class Number>
struct HeadOf {
  Number *q, *k, *v;
  HeadOf(const AttentionShape& s, Number* qkv, int64_t pair, int64_t head_in_group) {
    const int64_t b = pair / s.G, g = pair % s.G;
    Number* row = qkv + b * s.T * s.width();
    q = row + (g * s.group() + head_in_group) * s.D;
    k = row + (s.H + g) * s.D;
    v = row + (s.H + s.G + g) * s.D;
  }
};

/// Index of (sequence, query head), of which lse has one row.
static int64_t head_row(const AttentionShape& s, int64_t pair, int64_t head_in_group) {
  return pair * s.group() + head_in_group;
}

static F first_lanes(F v, int64_t n, float otherwise) {
  I lane;
  for (int i = 0; i < kLanes; i++) lane[i] = i;
  return select(lane < static_cast<int32_t>(n), v, set(otherwise));
}

/// rows × n scores of a strip of queries against packed keys (or dy against packed values): panels up to `n`.
static void score_strip(int64_t rows, int64_t n, int64_t D, const float* q, int64_t padded, const float* panels,
                        float* scores, int64_t ld) {
  for (int64_t j = 0; j < n; j += kTileColumns)
    strip(rows, kTileColumns, D, q, padded, One{}, panels + j * D, kTileColumns, scores + j, ld, false);
}

static float dot(const float* a, const float* b, int64_t n) {
  F total = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) total += load(a + i) * load(b + i);
  if (i < n) total += load_first(a + i, n - i) * load_first(b + i, n - i);
  return sum(total);
}

// ---------------------------------------------------------------------------------------------------------------
// Forward

/// One row of an online softmax (Milakov and Gimelshein, 2018).
struct RowState {
  float max;
  F sum;  // by lane; added up at the end of the row
};

/// scores[0 … valid) become e^(score − max); zero from there to `end`. Returns what the row's earlier sums must be
/// multiplied by.
static float soften(float* scores, int64_t valid, int64_t end, RowState& row) {
  const int64_t vectors = (valid + kLanes - 1) / kLanes * kLanes;
  if (valid < vectors) {
    float* last = scores + vectors - kLanes;
    store(last, first_lanes(load(last), valid - (vectors - kLanes), -std::numeric_limits<float>::infinity()));
  }
  F top = load(scores);
  for (int64_t j = kLanes; j < vectors; j += kLanes) top = max(top, load(scores + j));
  const float before = row.max, highest = max_lane(top);
  if (highest > before) row.max = highest;
  const F offset = set(row.max);
  F sum = {};
  for (int64_t j = 0; j < vectors; j += kLanes) {
    const F p = exp(load(scores + j) - offset);
    sum += p;
    store(scores + j, p);
  }
  for (int64_t j = vectors; j < end; j++) scores[j] = 0.0f;
  const float correction = before == row.max ? 1.0f : exp(set(before - row.max))[0];
  row.sum = row.sum * correction + sum;
  return correction;
}

/// kQueryBlock queries of one head from i0 against all keys up to the diagonal.
static void forward_block(const AttentionShape& s, const float* q, const float* keys, const float* values, int64_t i0,
                          float* y, float* lse, float* scratch) {
  const int64_t padded = s.padded(), rows = std::min(kQueryBlock, s.T - i0);
  float *queries = scratch, *sums = scratch + kQueryBlock * padded;
  pack_rows(q + i0 * s.width(), s.width(), rows, s.D, padded, 1.0f / std::sqrt(static_cast<float>(s.D)), queries);
  RowState state[kQueryBlock];
  for (int64_t i = 0; i < rows; i++) state[i] = {-std::numeric_limits<float>::infinity(), F{}};

  for (int64_t j0 = 0; j0 < i0 + rows; j0 += kScoreKeys)
    for (int64_t i = 0; i < rows; i += kStripRows) {
      const int64_t height = std::min<int64_t>(kStripRows, rows - i);
      const int64_t end = std::min(kScoreKeys, i0 + i + height - j0);  // keys that the strip's last row sees
      float scores[kStripRows * kScoreKeys];
      score_strip(height, end, s.D, queries + i * padded, padded, keys + j0 * s.D, scores, kScoreKeys);
      for (int64_t r = 0; r < height; r++) {
        const float correction = soften(scores + r * kScoreKeys, std::min(end, i0 + i + r + 1 - j0), end, state[i + r]);
        float* sum = sums + (i + r) * padded;
        if (j0 > 0 && correction != 1.0f)
          for (int64_t d = 0; d < padded; d += kLanes) store(sum + d, load(sum + d) * correction);
      }
      strip(height, padded, end, scores, Fixed<kScoreKeys>{}, One{}, values + j0 * padded, padded, sums + i * padded,
            padded, j0 > 0);
    }

  for (int64_t i = 0; i < rows; i++) {
    const float total = sum(state[i].sum);
    unpack_rows(sums + i * padded, 1, s.D, padded, 1.0f / total, y + (i0 + i) * s.H * s.D, 0);
    lse[i0 + i] = static_cast<float>(state[i].max + std::log(static_cast<double>(total)));
  }
}

Status attention(const Command& c, const Launch& launch) {
  namespace op = pt::attention;
  const AttentionShape s = shape_of(c, op::qkv);
  float* qkv = c.f32(op::qkv);  // [R, (H+2G)·D]
  float* y = c.f32(op::y);      // [R, H·D]
  float* lse = c.f32(op::lse);  // [B·H, T]
  const int64_t at_once = s.forward_pairs(), packed = s.packed_floats();
  float* keys = static_cast<float*>(launch.workspace);
  float* values = keys + at_once * packed;
  float* scratch = values + at_once * packed;

  for (int64_t pair0 = 0; pair0 < s.pairs(); pair0 += at_once) {
    const int64_t pairs = std::min(at_once, s.pairs() - pair0);
    parallel_for(launch.workers, pairs * s.key_blocks(), [&](int64_t task, int) {
      const int64_t pair = task / s.key_blocks(), j0 = task % s.key_blocks() * kKeyBlock;
      const int64_t n = std::min(kKeyBlock, s.T - j0);
      const HeadOf<float> head(s, qkv, pair0 + pair, 0);
      pack_transposed(head.k + j0 * s.width(), s.width(), n, s.D, keys + pair * packed + j0 * s.D);
      pack_rows(head.v + j0 * s.width(), s.width(), n, s.D, s.padded(), 1.0f, values + pair * packed + j0 * s.padded());
    });

    const int64_t heads = pairs * s.group();
    parallel_for(launch.workers, heads * s.query_blocks(), [&](int64_t task, int worker) {
      const int64_t block = s.query_blocks() - 1 - task / heads;  // the longest rows first: an even finish
      const int64_t pair = task % heads / s.group(), h = task % s.group();
      const int64_t row = head_row(s, pair0 + pair, h), b = row / s.H;
      forward_block(s, HeadOf<float>(s, qkv, pair0 + pair, h).q, keys + pair * packed, values + pair * packed,
                    block * kQueryBlock, y + b * s.T * s.H * s.D + row % s.H * s.D, lse + row * s.T,
                    scratch + worker * s.forward_worker_floats());
    });
  }
  return Status::success();
}

// ---------------------------------------------------------------------------------------------------------------
// Backward

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
    for (float** large : {&keys, &keys_t, &values_t, &dk, &dv}) *large = take(kKeyChunk * padded);
    for (float** block : {&q, &dy, &dq}) *block = take(kQueryBlock * padded);
    for (float** square : {&p, &ds}) *square = take(kQueryBlock * kKeyBlock);
  }
};

/// p and ds of one row of a block: on entry p holds scores and ds holds dp.
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

/// One block of queries against one block of keys: adds to dq, dk and dv. `j` is the block's offset in the chunk,
/// `diagonal` says that query i sees the block's keys up to i only (else all n).
static void backward_block(const AttentionShape& s, const ChunkScratch& m, int64_t rows, int64_t j, int64_t n,
                           bool diagonal, const float* lse, const float* delta) {
  const int64_t padded = s.padded();
  for (int64_t i = 0; i < rows; i += kStripRows) {
    const int64_t height = std::min<int64_t>(kStripRows, rows - i), end = diagonal ? std::min(n, i + height) : n;
    score_strip(height, end, s.D, m.q + i * padded, padded, m.keys_t + j * s.D, m.p + i * kKeyBlock, kKeyBlock);
    score_strip(height, end, s.D, m.dy + i * padded, padded, m.values_t + j * s.D, m.ds + i * kKeyBlock, kKeyBlock);
    for (int64_t r = i; r < i + height; r++)
      differentiate_row(m.p + r * kKeyBlock, m.ds + r * kKeyBlock, diagonal ? r + 1 : n, lse[r], delta[r]);
    strip(height, padded, end, m.ds + i * kKeyBlock, Fixed<kKeyBlock>{}, One{}, m.keys + j * padded, padded,
          m.dq + i * padded, padded, true);
  }
  for (int64_t k = 0; k < n; k += kStripRows) {
    const int64_t height = std::min<int64_t>(kStripRows, n - k), first = diagonal ? k : 0;  // first query that sees k
    const int64_t corner = first * kKeyBlock + k;
    strip(height, padded, rows - first, m.p + corner, One{}, Fixed<kKeyBlock>{}, m.dy + first * padded, padded,
          m.dv + (j + k) * padded, padded, true);
    strip(height, padded, rows - first, m.ds + corner, One{}, Fixed<kKeyBlock>{}, m.q + first * padded, padded,
          m.dk + (j + k) * padded, padded, true);
  }
}

struct BackwardTensors {
  float *qkv, *y, *dy, *lse, *dqkv;
};

/// One chunk of keys of one key/value head: its dk and dv, and its share of dq of every query head of the group.
static void backward_chunk(const AttentionShape& s, const BackwardTensors& t, int64_t pair, int64_t chunk,
                           float* partial, float* scratch) {
  const int64_t padded = s.padded(), width = s.width(), first = chunk * kKeyChunk,
                keys = std::min(kKeyChunk, s.T - first);
  const float scale = 1.0f / std::sqrt(static_cast<float>(s.D));
  const ChunkScratch m(scratch, padded);
  const HeadOf<float> from(s, t.qkv, pair, 0), to(s, t.dqkv, pair, 0);
  pack_rows(from.k + first * width, width, keys, s.D, padded, 1.0f, m.keys);
  pack_transposed(from.k + first * width, width, keys, s.D, m.keys_t);
  pack_transposed(from.v + first * width, width, keys, s.D, m.values_t);
  std::fill(m.dk, m.dk + keys * padded, 0.0f);
  std::fill(m.dv, m.dv + keys * padded, 0.0f);

  for (int64_t h = 0; h < s.group(); h++) {
    const int64_t row = head_row(s, pair, h), y_width = s.H * s.D;
    const int64_t y_offset = row / s.H * s.T * y_width + row % s.H * s.D;
    for (int64_t i0 = first; i0 < s.T; i0 += kQueryBlock) {
      const int64_t rows = std::min(kQueryBlock, s.T - i0);
      pack_rows(from.q + h * s.D + i0 * width, width, rows, s.D, padded, scale, m.q);
      pack_rows(t.dy + y_offset + i0 * y_width, y_width, rows, s.D, padded, 1.0f, m.dy);
      std::fill(m.dq, m.dq + rows * padded, 0.0f);
      float delta[kQueryBlock];
      for (int64_t i = 0; i < rows; i++) delta[i] = dot(m.dy + i * padded, t.y + y_offset + (i0 + i) * y_width, s.D);
      for (int64_t j = 0; j < keys && first + j <= i0; j += kKeyBlock)
        backward_block(s, m, rows, j, std::min(kKeyBlock, keys - j), first + j == i0, t.lse + row * s.T + i0, delta);
      if (chunk == 0)
        unpack_rows(m.dq, rows, s.D, padded, scale, to.q + h * s.D + i0 * width, width);
      else
        unpack_rows(m.dq, rows, padded, padded, scale,
                    partial + h * s.partial_floats() + (s.partial_rows(chunk) + i0 - first) * padded, padded);
    }
  }
  unpack_rows(m.dk, keys, s.D, padded, 1.0f, to.k + first * width, width);
  unpack_rows(m.dv, keys, s.D, padded, 1.0f, to.v + first * width, width);
}

Status attention_backward(const Command& c, const Launch& launch) {
  namespace op = pt::attention_backward;
  const AttentionShape s = shape_of(c, op::qkv);
  const BackwardTensors t{c.f32(op::qkv), c.f32(op::y), c.f32(op::dy), c.f32(op::lse), c.f32(op::dqkv)};
  const int64_t at_once = s.backward_pairs(), padded = s.padded();
  float* partial = static_cast<float*>(launch.workspace);  // [at_once][H/G][partial_rows][padded]
  float* scratch = partial + at_once * s.group() * s.partial_floats();

  for (int64_t pair0 = 0; pair0 < s.pairs(); pair0 += at_once) {
    const int64_t pairs = std::min(at_once, s.pairs() - pair0);
    parallel_for(launch.workers, pairs * s.chunks(), [&](int64_t task, int worker) {
      const int64_t pair = task % pairs, chunk = task / pairs;  // the first chunk sees all queries: longest first
      backward_chunk(s, t, pair0 + pair, chunk, partial + pair * s.group() * s.partial_floats(),
                     scratch + worker * s.backward_worker_floats());
    });
    // dq += the partial sums, in order of chunks. Queries of the first chunk have none.
    parallel_for(launch.workers, pairs * s.group() * (s.chunks() - 1), [&](int64_t task, int) {
      const int64_t head = task / (s.chunks() - 1), block = task % (s.chunks() - 1) + 1;
      float* dq = HeadOf<float>(s, t.dqkv, pair0 + head / s.group(), head % s.group()).q;
      for (int64_t i = block * kKeyChunk; i < std::min(s.T, (block + 1) * kKeyChunk); i++)
        for (int64_t chunk = 1; chunk <= block; chunk++) {
          const int64_t at = s.partial_rows(chunk) + i - chunk * kKeyChunk;
          const float* add = partial + head * s.partial_floats() + at * padded;
          for (int64_t d = 0; d < s.D; d++) dq[i * s.width() + d] += add[d];
        }
    });
  }
  return Status::success();
}

}  // namespace pt::cpu
