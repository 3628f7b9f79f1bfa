#include "ops/patch_embedding.h"

#include <algorithm>
#include <cstring>

#include "cpu/kernels.h"
#include "cpu/simd.h"
#include "cpu/token_ids.h"

namespace pt::cpu {
using namespace simd;

constexpr int64_t kRowsPerTask = 16;
constexpr int64_t kElementsPerTask = 1 << 12;  // of the table's gradient; few, because text has its favourite ids
constexpr int64_t kColumnBlock = 512;

Status patch_embedding(const Command& c, const Launch& launch) {
  namespace op = pt::patch_embedding;
  const int32_t* ids = c.i32(op::ids);    // [B, S] = [R, K]
  const float* table = c.f32(op::table);  // [V, C]
  float* y = c.f32(op::y);                // [R, C]
  const int64_t V = c.dim(op::table, 0), C = c.dim(op::y, 1), R = c.dim(op::y, 0), K = c.integer(op::patch);
  const Status valid = check_token_ids(ids, 0, R * K, c.dim(op::ids, 1), V);
  if (!valid.ok()) return valid;

  const float inverse = 1.0f / static_cast<float>(K);
  parallel_blocks(launch.workers, R, kRowsPerTask, [=](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; r++) {
      const int32_t* patch = ids + r * K;
      float* out = y + r * C;
      int64_t j = 0;
      for (; j + kLanes <= C; j += kLanes) {
        F sum = load(table + patch[0] * C + j);
        for (int64_t k = 1; k < K; k++) sum += load(table + patch[k] * C + j);
        store(out + j, sum * inverse);
      }
      for (; j < C; j++) {
        float sum = table[patch[0] * C + j];
        for (int64_t k = 1; k < K; k++) sum += table[patch[k] * C + j];
        out[j] = sum * inverse;
      }
    }
  });
  return Status::success();
}

/// The rows of dy that belong to each token: those of id v are row[start[v]] … row[start[v + 1] − 1], in the order of
/// the positions (a counting sort).
static void sort_by_id(const int32_t* ids, int64_t R, int64_t K, int64_t V, int64_t* start, int64_t* row) {
  std::fill(start, start + V + 1, 0);
  for (int64_t i = 0; i < R * K; i++) start[ids[i] + 1]++;
  for (int64_t v = 0; v < V; v++) start[v + 1] += start[v];
  for (int64_t r = 0; r < R; r++)
    for (int64_t k = 0; k < K; k++) row[start[ids[r * K + k]]++] = r;
  for (int64_t v = V; v > 0; v--) start[v] = start[v - 1];  // each start had moved to the next one
  start[0] = 0;
}

/// out (= | +=) factor · Σ dy[row] over `count` rows, column block by column block: the sums stay in the first cache.
static void sum_rows(const float* dy, const int64_t* row, int64_t count, int64_t C, float factor, bool accumulate,
                     float* __restrict out) {
  for (int64_t column = 0; column < C; column += kColumnBlock) {
    const int64_t columns = std::min(kColumnBlock, C - column);
    float sum[kColumnBlock];
    std::memcpy(sum, dy + row[0] * C + column, static_cast<size_t>(columns) * sizeof(float));
    for (int64_t i = 1; i < count; i++) {
      const float* __restrict from = dy + row[i] * C + column;
      for (int64_t j = 0; j < columns; j++) sum[j] += from[j];
    }
    if (accumulate)
      for (int64_t j = 0; j < columns; j++) out[column + j] += sum[j] * factor;
    else
      for (int64_t j = 0; j < columns; j++) out[column + j] = sum[j] * factor;
  }
}

Status patch_embedding_backward(const Command& c, const Launch& launch) {
  namespace op = pt::patch_embedding_backward;
  const int32_t* ids = c.i32(op::ids);  // [B, S] = [R, K]
  const float* dy = c.f32(op::dy);      // [R, C]
  float* dtable = c.f32(op::dtable);    // [V, C]
  const int64_t V = c.dim(op::dtable, 0), C = c.dim(op::dtable, 1), R = c.dim(op::dy, 0), K = c.integer(op::patch);
  const bool accumulate = c.flag(op::accumulate);
  const Status valid = check_token_ids(ids, 0, R * K, c.dim(op::ids, 1), V);
  if (!valid.ok()) return valid;

  int64_t* start = static_cast<int64_t*>(launch.workspace);  // [V + 1]
  int64_t* row = start + V + 1;                              // [B·S]
  sort_by_id(ids, R, K, V, start, row);

  parallel_blocks(launch.workers, V, std::max<int64_t>(1, kElementsPerTask / C), [=](int64_t begin, int64_t end, int) {
    const float inverse = 1.0f / static_cast<float>(K);
    for (int64_t v = begin; v < end; v++) {
      const int64_t count = start[v + 1] - start[v];
      if (count > 0)
        sum_rows(dy, row + start[v], count, C, inverse, accumulate, dtable + v * C);
      else if (!accumulate)
        std::fill(dtable + v * C, dtable + (v + 1) * C, 0.0f);
    }
  });
  return Status::success();
}

}  // namespace pt::cpu
