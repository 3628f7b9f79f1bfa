#include "ops/cached_attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "cpu/kernels.h"
#include "cpu/simd.h"

namespace pt::cpu {
using namespace simd;

static Status check_position(const Command& c, int64_t first, int64_t rows, int64_t positions) {
  if (first >= 0 && first + rows <= positions) return Status::success();
  return Status::error(Code::out_of_range, "%s: positions %lld to %lld, but the cache holds 0 to %lld", c.op->name,
                       (long long)first, (long long)(first + rows - 1), (long long)(positions - 1));
}

Status kv_append(const Command& c, const Launch&) {
  namespace op = pt::kv_append;
  const float* qkv = c.f32(op::qkv);  // [n, (H+2G)·D]
  float* cache = c.f32(op::cache);    // [2, P, G·D]
  const int64_t n = c.dim(op::qkv, 0), width = c.dim(op::qkv, 1), P = c.dim(op::cache, 1), keys = c.dim(op::cache, 2);
  const int64_t first = *c.i32(op::position);
  if (Status bad = check_position(c, first, n, P); !bad.ok()) return bad;
  for (int64_t i = 0; i < n; i++)
    for (int64_t plane = 0; plane < 2; plane++)
      std::memcpy(cache + (plane * P + first + i) * keys, qkv + (i + 1) * width - (2 - plane) * keys,
                  static_cast<size_t>(keys) * sizeof(float));
  return Status::success();
}

/// scores[0 … n) = e^(score − greatest); returns their sum.
static float soften(float* scores, int64_t n) {
  float greatest = scores[0];
  for (int64_t j = 1; j < n; j++) greatest = std::max(greatest, scores[j]);
  const F offset = set(greatest);
  F total = {};
  int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes) {
    const F p = exp(load(scores + j) - offset);
    store(scores + j, p);
    total += p;
  }
  for (; j < n; j++) {
    scores[j] = exp(set(scores[j] - greatest))[0];
    total[0] += scores[j];
  }
  return sum(total);
}

/// y[0 … D) = Σ_j weights[j] · rows[j] / total
static void weighted_sum(const float* weights, const float* rows, int64_t ld, int64_t n, int64_t D, float total,
                         float* y) {
  int64_t d = 0;
  for (; d < D; d += kLanes) {
    const int64_t rest = std::min<int64_t>(kLanes, D - d);
    F sum = {};
    if (rest == kLanes) {
      for (int64_t j = 0; j < n; j++) sum += weights[j] * load(rows + j * ld + d);
    } else {
      for (int64_t j = 0; j < n; j++) sum += weights[j] * load_first(rows + j * ld + d, rest);
    }
    store_first(y + d, sum / total, rest);
  }
}

Status cached_attention(const Command& c, const Launch& launch) {
  namespace op = pt::cached_attention;
  const float* qkv = c.f32(op::qkv);      // [n, (H+2G)·D]
  const float* cache = c.f32(op::cache);  // [2, P, G·D]
  float* y = c.f32(op::y);                // [n, H·D]
  const int64_t H = c.integer(op::heads), G = c.integer(op::kv_heads), D = c.integer(op::head_dim);
  const int64_t n = c.dim(op::qkv, 0), width = c.dim(op::qkv, 1), P = c.dim(op::cache, 1);
  const int64_t first = *c.i32(op::position);
  if (Status bad = check_position(c, first, n, P); !bad.ok()) return bad;
  const float scale = 1.0f / std::sqrt(static_cast<float>(D));

  parallel_for(launch.workers, n * H, [=](int64_t task, int worker) {
    const int64_t row = task / H, h = task % H, g = h / (H / G), cached = first + row + 1;
    float* scores = static_cast<float*>(launch.workspace) + worker * P;
    const float *q = qkv + row * width + h * D, *keys = cache + g * D, *values = cache + P * G * D + g * D;
    for (int64_t j = 0; j < cached; j++) scores[j] = scale * dot(q, keys + j * G * D, D);
    const float total = soften(scores, cached);
    weighted_sum(scores, values, G * D, cached, D, total, y + row * H * D + h * D);
  });
  return Status::success();
}

}  // namespace pt::cpu
