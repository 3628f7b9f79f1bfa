#include "ops/swiglu.h"

#include "cpu/kernels.h"
#include "cpu/simd.h"

namespace pt::cpu {
using namespace simd;

constexpr int64_t kRowsPerTask = 32;

Status swiglu(const Command& c, const Launch& launch) {
  namespace op = pt::swiglu;
  const float* gate_up = c.f32(op::gate_up);  // [R, 2F]
  float* y = c.f32(op::y);                    // [R, F]
  const int64_t R = c.dim(op::y, 0), F = c.dim(op::y, 1);
  parallel_blocks(launch.workers, R, kRowsPerTask, [=](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; r++) {
      const float *gate = gate_up + r * 2 * F, *up = gate + F;
      float* out = y + r * F;
      int64_t j = 0;
      for (; j + kLanes <= F; j += kLanes) {
        const simd::F g = load(gate + j);
        store(out + j, g * sigmoid(g) * load(up + j));
      }
      if (const int64_t rest = F - j) {
        const simd::F g = load_first(gate + j, rest);
        store_first(out + j, g * sigmoid(g) * load_first(up + j, rest), rest);
      }
    }
  });
  return Status::success();
}

Status swiglu_backward(const Command& c, const Launch& launch) {
  namespace op = pt::swiglu_backward;
  const float* gate_up = c.f32(op::gate_up);  // [R, 2F]
  const float* dy = c.f32(op::dy);            // [R, F]
  float* dgate_up = c.f32(op::dgate_up);      // [R, 2F]
  const int64_t R = c.dim(op::dy, 0), F = c.dim(op::dy, 1);
  parallel_blocks(launch.workers, R, kRowsPerTask, [=](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; r++) {
      const float *gate = gate_up + r * 2 * F, *up = gate + F, *dout = dy + r * F;
      float *dgate = dgate_up + r * 2 * F, *dup = dgate + F;
      const auto gradient = [](simd::F g, simd::F u, simd::F d, simd::F& dg, simd::F& du) {
        const simd::F s = sigmoid(g), silu = g * s;
        du = d * silu;
        dg = d * u * (s + silu * (1.0f - s));
      };
      simd::F dg, du;
      int64_t j = 0;
      for (; j + kLanes <= F; j += kLanes) {
        gradient(load(gate + j), load(up + j), load(dout + j), dg, du);
        store(dgate + j, dg);
        store(dup + j, du);
      }
      if (const int64_t rest = F - j) {
        gradient(load_first(gate + j, rest), load_first(up + j, rest), load_first(dout + j, rest), dg, du);
        store_first(dgate + j, dg, rest);
        store_first(dup + j, du, rest);
      }
    }
  });
  return Status::success();
}

}  // namespace pt::cpu
