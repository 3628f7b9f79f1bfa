// One thread takes eight neighbouring columns of a row: two reads of 16 bytes forward, three backward, all under way
// before the first is used.
//
// Bytes an element of y: forward 6, backward 10.
#include "cuda/bf16.cuh"
#include "cuda/kernels.h"
#include "ops/swiglu.h"

namespace pt::cuda {
namespace {

constexpr int kThreads = 256;
constexpr float kLog2E = 1.44269504f;

/// 1 / (1 + e^−x); 0 and 1 where e^−x overflows and vanishes.
PT_DEVICE float sigmoid(float x) { return reciprocal_approx(1.0f + exp2_approx(-kLog2E * x)); }

/// Where a thread's eight columns lie.
struct Place {
  int64_t gate, up, out;  // element indexes into [R, 2F], [R, 2F] and [R, F]
};

/// `vectors`: F / 8. False behind the last row.
PT_DEVICE bool find_place(Place& place, int R, int vectors) {
  const uint32_t i = blockIdx.x * kThreads + threadIdx.x;
  const uint32_t row = i / static_cast<uint32_t>(vectors), vector = i % static_cast<uint32_t>(vectors);
  const int64_t F = static_cast<int64_t>(vectors) * 8;
  place.gate = row * 2 * F + vector * 8;
  place.up = place.gate + F;
  place.out = row * F + vector * 8;
  return row < static_cast<uint32_t>(R);
}

}  // namespace

namespace swiglu_kernels {

__global__ void __launch_bounds__(kThreads) forward(const bf16* gate_up, bf16* y, int R, int vectors) {
  Place at;
  if (!find_place(at, R, vectors)) return;
  float g[8], u[8];
  load8(g, gate_up + at.gate);
  load8(u, gate_up + at.up);
#pragma unroll
  for (int k = 0; k < 8; k++) g[k] = g[k] * sigmoid(g[k]) * u[k];
  store8(y + at.out, g);
}

__global__ void __launch_bounds__(kThreads)
    backward(const bf16* gate_up, const bf16* dy, bf16* dgate_up, int R, int vectors) {
  Place at;
  if (!find_place(at, R, vectors)) return;
  float g[8], u[8], d[8];
  load8(g, gate_up + at.gate);
  load8(u, gate_up + at.up);
  load8(d, dy + at.out);
#pragma unroll
  for (int k = 0; k < 8; k++) {
    const float s = sigmoid(g[k]), silu = g[k] * s;
    g[k] = d[k] * u[k] * (s + silu * (1.0f - s));
    u[k] = d[k] * silu;
  }
  store8(dgate_up + at.gate, g);
  store8(dgate_up + at.up, u);
}

}  // namespace swiglu_kernels

// --------------------------------------------------------------------------------------------------------------------

Status swiglu(const Command& c, const Launch& launch) {
  namespace op = pt::swiglu;
  const auto tensor = [&](int slot) { return static_cast<bf16*>(c.tensor(slot).data); };
  const int64_t R = c.dim(op::y, 0), vectors = c.dim(op::y, 1) / 8;
  return start(launch, "swiglu", swiglu_kernels::forward, blocks_for(R * vectors, kThreads), kThreads, 0,
               tensor(op::gate_up), tensor(op::y), static_cast<int>(R), static_cast<int>(vectors));
}

Status swiglu_backward(const Command& c, const Launch& launch) {
  namespace op = pt::swiglu_backward;
  const auto tensor = [&](int slot) { return static_cast<bf16*>(c.tensor(slot).data); };
  const int64_t R = c.dim(op::dy, 0), vectors = c.dim(op::dy, 1) / 8;
  return start(launch, "swiglu_backward", swiglu_kernels::backward, blocks_for(R * vectors, kThreads), kThreads, 0,
               tensor(op::gate_up), tensor(op::dy), tensor(op::dgate_up), static_cast<int>(R),
               static_cast<int>(vectors));
}

}  // namespace pt::cuda
