#include "ops/rope.h"

#include "cpu/kernels.h"
#include "cpu/simd.h"

namespace pt::cpu {
using namespace simd;

constexpr int64_t kRowsPerTask = 32;

static void rotate(F& x1, F& x2, F cosine, F sine) {
  const F y1 = x1 * cosine - x2 * sine;
  x2 = x2 * cosine + x1 * sine;
  x1 = y1;
}

static void rotate_head(float* x1, float* x2, const float* cos, const float* sin, int64_t half, float sign) {
  int64_t j = 0;
  for (; j + kLanes <= half; j += kLanes) {
    F a = load(x1 + j), b = load(x2 + j);
    rotate(a, b, load(cos + j), sign * load(sin + j));
    store(x1 + j, a);
    store(x2 + j, b);
  }
  if (const int64_t rest = half - j) {
    F a = load_first(x1 + j, rest), b = load_first(x2 + j, rest);
    rotate(a, b, load_first(cos + j, rest), sign * load_first(sin + j, rest));
    store_first(x1 + j, a, rest);
    store_first(x2 + j, b, rest);
  }
}

Status rope(const Command& c, const Launch& launch) {
  namespace op = pt::rope;
  float* x = c.f32(op::x);                                   // [R, W]
  const float *cos = c.f32(op::cos), *sin = c.f32(op::sin);  // [P, D/2]
  const int64_t R = c.dim(op::x, 0), W = c.dim(op::x, 1), P = c.dim(op::cos, 0);
  const int64_t heads = c.integer(op::heads), D = c.integer(op::head_dim), T = c.integer(op::positions);
  const int64_t first = c.has(op::position) ? *c.i32(op::position) : 0, last = first + (R < T ? R : T) - 1;
  if (first < 0 || last >= P)
    return Status::error(Code::out_of_range, "rope: positions %lld to %lld, but the tables hold 0 to %lld",
                         (long long)first, (long long)last, (long long)(P - 1));
  const float sign = c.flag(op::inverse) ? -1.0f : 1.0f;
  parallel_blocks(launch.workers, R, kRowsPerTask, [=](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; r++) {
      const int64_t p = first + r % T;
      for (int64_t h = 0; h < heads; h++) {
        float* head = x + r * W + h * D;
        rotate_head(head, head + D / 2, cos + p * (D / 2), sin + p * (D / 2), D / 2, sign);
      }
    }
  });
  return Status::success();
}

}  // namespace pt::cpu
