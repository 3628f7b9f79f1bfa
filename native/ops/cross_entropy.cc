#include "ops/cross_entropy.h"

#include <algorithm>
#include <cmath>

#include "cpu/kernels.h"
#include "cpu/simd.h"
#include "cpu/token_ids.h"

namespace pt::cpu {
using namespace simd;

constexpr int64_t kLogitsPerTask = 1 << 15;
constexpr int64_t kBlock = 1 << 11;  // logits whose exponentials are summed in float before they are added in double

static float max_of(const float* z, int64_t V) {
  F max4[4] = {set(-INFINITY), set(-INFINITY), set(-INFINITY), set(-INFINITY)};
  int64_t j = 0;
  for (; j + 4 * kLanes <= V; j += 4 * kLanes)
    for (int i = 0; i < 4; i++) max4[i] = max(max4[i], load(z + j + i * kLanes));
  float result = max_lane(max(max(max4[0], max4[1]), max(max4[2], max4[3])));
  for (; j < V; j++) result = std::max(result, z[j]);
  return result;
}

/// Σ exp(z − shift); with kStore each z becomes its exponential.
template <bool kStore>
static double sum_exp(float* z, int64_t V, float shift) {
  double total = 0;
  for (int64_t begin = 0; begin < V; begin += kBlock) {
    const int64_t end = std::min(V, begin + kBlock);
    F sum2[2] = {};
    int64_t j = begin;
    for (; j + 2 * kLanes <= end; j += 2 * kLanes)
      for (int i = 0; i < 2; i++) {
        const F e = exp(load(z + j + i * kLanes) - shift);
        if (kStore) store(z + j + i * kLanes, e);
        sum2[i] += e;
      }
    for (; j < end; j += kLanes) {
      const int64_t rest = std::min<int64_t>(kLanes, end - j);
      float lanes[kLanes];  // cut to the row through memory: what lies beyond it must add nothing
      store(lanes, exp(load_first(z + j, rest) - shift));
      const F e = load_first(lanes, rest);
      if (kStore) store_first(z + j, e, rest);
      sum2[0] += e;
    }
    total += static_cast<double>(sum(sum2[0] + sum2[1]));
  }
  return total;
}

/// The loss of one row; with gradient, the row is overwritten by it.
static double row_loss(float* z, int64_t V, const int32_t* labels, int64_t K, bool gradient, double scale) {
  double label_sum = 0;
  for (int64_t k = 0; k < K; k++) label_sum += static_cast<double>(z[labels[k]]);
  const float shift = max_of(z, V);
  const double total = gradient ? sum_exp<true>(z, V, shift) : sum_exp<false>(z, V, shift);
  if (gradient) {
    const float factor = static_cast<float>(scale / total), label = static_cast<float>(scale / static_cast<double>(K));
    for (int64_t j = 0; j < V; j++) z[j] *= factor;
    for (int64_t k = 0; k < K; k++) z[labels[k]] -= label;
  }
  return static_cast<double>(shift) + std::log(total) - label_sum / static_cast<double>(K);
}

Status cross_entropy(const Command& c, const Launch& launch) {
  namespace op = pt::cross_entropy;
  float* logits = c.f32(op::logits);    // [r, V]
  const int32_t* ids = c.i32(op::ids);  // [B, S] = [R, K]
  double* loss = c.f64(op::loss);       // [r]
  const double scale = c.f64(op::scale)[0];
  const int64_t rows = c.dim(op::logits, 0), V = c.dim(op::logits, 1);
  const int64_t first = c.integer(op::first_row), T = c.integer(op::positions), K = c.integer(op::patch);
  const bool gradient = c.flag(op::gradient);

  const int64_t labels_end = std::min((first + rows + 1) * K, c.tensor(op::ids).size());
  const Status valid = check_token_ids(ids, (first + 1) * K, labels_end, c.dim(op::ids, 1), V);
  if (!valid.ok()) return valid;

  const int64_t rows_per_task = std::max<int64_t>(1, kLogitsPerTask / V);
  parallel_blocks(launch.workers, rows, rows_per_task, [=](int64_t begin, int64_t end, int) {
    for (int64_t j = begin; j < end; j++) {
      const int64_t row = first + j;
      float* z = logits + j * V;
      const bool last = row % T == T - 1;
      loss[j] = last ? 0 : row_loss(z, V, ids + (row + 1) * K, K, gradient, scale);
      if (last && gradient) std::fill(z, z + V, 0.0f);
    }
  });
  return Status::success();
}

Status sum_loss(const Command& c, const Launch&) {
  namespace op = pt::sum_loss;
  const double* loss = c.f64(op::loss);  // [n]
  double* total = c.f64(op::total);      // [1]
  double sum = c.flag(op::accumulate) ? total[0] : 0;
  for (int64_t i = 0; i < c.dim(op::loss, 0); i++) sum += loss[i];
  total[0] = sum;
  return Status::success();
}

}  // namespace pt::cpu
