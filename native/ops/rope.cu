// A thread rotates the same columns of several heads of a row, so that it reads its cosines and sines once. With half
// heads of a multiple of 8 columns it takes eight at a time (two reads of 16 bytes a head, all under way before the
// first is used), else one pair at a time.
//
// Bytes a row: 4 · heads · D, and the tables, which stay in the caches.
#include "cuda/bf16.cuh"
#include "cuda/kernels.h"
#include "ops/rope.h"

namespace pt::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kHeads = 4;  // that a thread rotates

/// kWidth neighbours, 8 or 1, as they lie in memory.
template <int kWidth>
struct Packed;
template <>
struct Packed<8> {
  using Type = uint4;
};
template <>
struct Packed<1> {
  using Type = bf16;
};

PT_DEVICE void unpack(float (&x)[8], const uint4& v) { unpack8(x, v); }
PT_DEVICE void unpack(float (&x)[1], bf16 v) { x[0] = to_float(v); }
PT_DEVICE void store(bf16* p, const float (&x)[8]) { store8(p, x); }
PT_DEVICE void store(bf16* p, const float (&x)[1]) { *p = to_bf16(x[0]); }
PT_DEVICE void load(float (&x)[8], const float* p) { load8(x, p); }
PT_DEVICE void load(float (&x)[1], const float* p) { x[0] = *p; }

}  // namespace

namespace rope_kernels {

/// How the work is cut; `groups` threads share the heads of a row.
struct Shape {
  int R, W, heads, half;  // half: D / 2
  int positions, P;
  int parts, groups;  // half / kWidth, ⌈heads / kHeads⌉
};

/// x [R, W], cos and sin [P, half], position [1] or null; sign −1 turns backwards.
template <int kWidth>
__global__ void __launch_bounds__(kThreads) rotate(bf16* x, const float* cos, const float* sin, const int32_t* position,
                                                   Shape s, float sign, FaultReport fault) {
  const int64_t first = position ? *position : 0;
  const uint32_t i = blockIdx.x * kThreads + threadIdx.x;
  if (i == 0) {
    const int64_t last = first + (s.R < s.positions ? s.R : s.positions) - 1;
    if (first < 0 || last >= s.P) fault.raise(FaultKind::position, 0, first < 0 ? first : last, s.P);
  }
  // Neighbouring threads take neighbouring parts, then neighbouring heads.
  const uint32_t part = i % s.parts, group = i / s.parts % s.groups, row = i / s.parts / s.groups;
  if (row >= static_cast<uint32_t>(s.R)) return;
  const int64_t at = first + row % s.positions;
  if (at < 0 || at >= s.P) return;

  const int column = static_cast<int>(part) * kWidth;
  float c[kWidth], n[kWidth];
  load(c, cos + at * s.half + column);
  load(n, sin + at * s.half + column);

  bf16* first_head = x + static_cast<int64_t>(row) * s.W + column;
  const auto head = [&](int k) { return static_cast<int>(group) + k * s.groups; };
  typename Packed<kWidth>::Type x1[kHeads], x2[kHeads];
#pragma unroll
  for (int k = 0; k < kHeads; k++) {
    if (head(k) >= s.heads) continue;
    const bf16* p = first_head + head(k) * 2 * s.half;
    x1[k] = *reinterpret_cast<const typename Packed<kWidth>::Type*>(p);
    x2[k] = *reinterpret_cast<const typename Packed<kWidth>::Type*>(p + s.half);
  }
#pragma unroll
  for (int k = 0; k < kHeads; k++) {
    if (head(k) >= s.heads) continue;
    float a[kWidth], b[kWidth];
    unpack(a, x1[k]), unpack(b, x2[k]);
#pragma unroll
    for (int j = 0; j < kWidth; j++) {
      const float sine = sign * n[j], turned = a[j] * c[j] - b[j] * sine;
      b[j] = b[j] * c[j] + a[j] * sine;
      a[j] = turned;
    }
    bf16* p = first_head + head(k) * 2 * s.half;
    store(p, a), store(p + s.half, b);
  }
}

}  // namespace rope_kernels

// --------------------------------------------------------------------------------------------------------------------

Status rope(const Command& c, const Launch& launch) {
  namespace op = pt::rope;
  const int width = c.dim(op::x, 1) % 8 == 0 && c.dim(op::cos, 1) % 8 == 0 ? 8 : 1;
  rope_kernels::Shape s;
  s.R = static_cast<int>(c.dim(op::x, 0));
  s.W = static_cast<int>(c.dim(op::x, 1));
  s.heads = static_cast<int>(c.integer(op::heads));
  s.half = static_cast<int>(c.dim(op::cos, 1));
  s.positions = static_cast<int>(c.integer(op::positions));
  s.P = static_cast<int>(c.dim(op::cos, 0));
  s.parts = s.half / width;
  s.groups = (s.heads + kHeads - 1) / kHeads;
  const unsigned blocks = blocks_for(static_cast<int64_t>(s.R) * s.parts * s.groups, kThreads);
  return start(launch, "rope", width == 8 ? rope_kernels::rotate<8> : rope_kernels::rotate<1>, blocks, kThreads, 0,
               static_cast<bf16*>(c.tensor(op::x).data), c.f32(op::cos), c.f32(op::sin),
               c.has(op::position) ? c.i32(op::position) : nullptr, s, c.flag(op::inverse) ? -1.0f : 1.0f,
               launch.fault);
}

}  // namespace pt::cuda
