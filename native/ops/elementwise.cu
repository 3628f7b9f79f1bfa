// Flat kernels. A block takes a chunk of 4096 elements and a thread 16 of them, in vectors of 16 bytes that it has all
// under way before it writes the first; the last chunk, where it is not whole, goes element by element. With eight
// blocks on a multiprocessor that is 128 KiB of reads under way, four times what a memory of 5 TB/s needs.
//
// Bytes an element: fill and fill_normal 4, copy 8, add 12, convert 6.
#include <cmath>

#include "core/philox.h"
#include "cuda/bf16.cuh"
#include "cuda/kernels.h"
#include "ops/elementwise.h"

namespace pt::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kQuads = 4;  // vectors of four floats a thread
constexpr int64_t kChunk = kThreads * kQuads * 4;

PT_DEVICE int64_t chunk_begin() { return blockIdx.x * kChunk; }
/// Vector `v` of this thread; neighbouring threads have neighbouring vectors.
PT_DEVICE int64_t quad(int v) { return chunk_begin() + (v * kThreads + static_cast<int>(threadIdx.x)) * 4; }

/// body(i) for every element of a chunk that is not whole.
template <class Body>
PT_DEVICE void each_of_rest(int64_t n, const Body& body) {
  for (int64_t i = chunk_begin() + threadIdx.x; i < n; i += kThreads) body(i);
}

/// sin and cos of an angle in [0, 2π], to about one unit in the last place. The library's own serve any angle, with a
/// table in local memory for huge ones. Reduction to the nearest multiple of π/2 (exact but for the product with the
/// second half of π/2), then the polynomials of fdlibm's __kernel_sin and __kernel_cos (Sun Microsystems, 1993).
PT_DEVICE void sine_cosine(double angle, double& sine, double& cosine) {
  const int quarter = static_cast<int>(angle * 0.6366197723675814 + 0.5);  // 2/π
  const double turns = -quarter;
  const double x = fma(turns, 6.123233995736766e-17, fma(turns, 1.5707963267948966, angle));
  const double z = x * x;
  const double p =
      z * (8.33333333332248946124e-03 +
           z * (-1.98412698298579493134e-04 +
                z * (2.75573137070700676789e-06 + z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10))));
  const double q = z * (4.16666666666666019037e-02 +
                        z * (-1.38888888888741095749e-03 +
                             z * (2.48015872894767294178e-05 +
                                  z * (-2.75573143513906633035e-07 +
                                       z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11)))));
  const double s = x + x * z * (-1.66666666666666324348e-01 + p);
  const double c = 1 - z * (0.5 - q);
  const bool swapped = quarter & 1;
  sine = swapped ? c : s;
  cosine = swapped ? s : c;
  if (quarter & 2) sine = -sine;
  if ((quarter + 1) & 2) cosine = -cosine;
}

}  // namespace

namespace elementwise_kernels {

__global__ void __launch_bounds__(kThreads) fill(float* y, float value, int64_t n) {
  if (chunk_begin() + kChunk > n) {
    each_of_rest(n, [=](int64_t i) { y[i] = value; });
    return;
  }
  const float four[4] = {value, value, value, value};
#pragma unroll
  for (int v = 0; v < kQuads; v++) store4(y + quad(v), four);
}

/// A thread makes one Philox block, four elements.
__global__ void __launch_bounds__(kThreads) fill_normal(float* y, Philox random, double std, int64_t n) {
  const int64_t block = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x, first = block * 4;
  if (first >= n) return;
  constexpr double kTwoPi = 6.283185307179586;
  const Philox::Block draw = random(static_cast<uint64_t>(block));
  float normal[4];
#pragma unroll
  for (int pair = 0; pair < 4; pair += 2) {
    const double radius = std * sqrt(-2 * log(Philox::uniform(draw.v[pair])));
    double sine, cosine;
    sine_cosine(kTwoPi * Philox::uniform(draw.v[pair + 1]), sine, cosine);
    normal[pair] = static_cast<float>(radius * cosine);
    normal[pair + 1] = static_cast<float>(radius * sine);
  }
  if (first + 4 <= n) {
    store4(y + first, normal);
  } else {
#pragma unroll
    for (int k = 0; k < 3; k++)
      if (first + k < n) y[first + k] = normal[k];
  }
}

__global__ void __launch_bounds__(kThreads) copy(const float* x, float* y, int64_t n) {
  if (chunk_begin() + kChunk > n) {
    each_of_rest(n, [=](int64_t i) { y[i] = x[i]; });
    return;
  }
  float values[kQuads][4];
#pragma unroll
  for (int v = 0; v < kQuads; v++) load4(values[v], x + quad(v));
#pragma unroll
  for (int v = 0; v < kQuads; v++) store4(y + quad(v), values[v]);
}

__global__ void __launch_bounds__(kThreads) add(const float* x, float* y, int64_t n) {
  if (chunk_begin() + kChunk > n) {
    each_of_rest(n, [=](int64_t i) { y[i] += x[i]; });
    return;
  }
  float a[kQuads][4], b[kQuads][4];
#pragma unroll
  for (int v = 0; v < kQuads; v++) {
    load4(a[v], x + quad(v));
    load4(b[v], y + quad(v));
  }
#pragma unroll
  for (int v = 0; v < kQuads; v++) {
#pragma unroll
    for (int k = 0; k < 4; k++) b[v][k] += a[v][k];
    store4(y + quad(v), b[v]);
  }
}

/// Eight neighbours make one vector of bf16, so a thread reads its quads two and two.
__global__ void __launch_bounds__(kThreads) convert(const float* x, bf16* y, int64_t n) {
  if (chunk_begin() + kChunk > n) {
    each_of_rest(n, [=](int64_t i) { store(y + i, x[i]); });
    return;
  }
  constexpr int kOctets = kQuads / 2;
  const int64_t first = chunk_begin() + threadIdx.x * 8;
  float values[kOctets][8];
#pragma unroll
  for (int v = 0; v < kOctets; v++) load8(values[v], x + first + v * kThreads * 8);
#pragma unroll
  for (int v = 0; v < kOctets; v++) store8(y + first + v * kThreads * 8, values[v]);
}

}  // namespace elementwise_kernels

// --------------------------------------------------------------------------------------------------------------------

Status fill(const Command& c, const Launch& launch) {
  namespace op = pt::fill;
  const int64_t n = c.tensor(op::y).size();
  return start(launch, "fill", elementwise_kernels::fill, blocks_for(n, kChunk), kThreads, 0, c.f32(op::y),
               c.real(op::value), n);
}

Status fill_normal(const Command& c, const Launch& launch) {
  namespace op = pt::fill_normal;
  const int64_t n = c.tensor(op::y).size();
  const Philox random{static_cast<uint32_t>(c.integer(op::seed_low)), static_cast<uint32_t>(c.integer(op::seed_high)),
                      static_cast<uint32_t>(c.integer(op::stream))};
  return start(launch, "fill_normal", elementwise_kernels::fill_normal, blocks_for(n, kThreads * 4), kThreads, 0,
               c.f32(op::y), random, c.params[op::std], n);
}

Status copy(const Command& c, const Launch& launch) {
  namespace op = pt::copy;
  const int64_t n = c.tensor(op::y).size();
  return start(launch, "copy", elementwise_kernels::copy, blocks_for(n, kChunk), kThreads, 0, c.f32(op::x),
               c.f32(op::y), n);
}

Status add(const Command& c, const Launch& launch) {
  namespace op = pt::add;
  const int64_t n = c.tensor(op::y).size();
  return start(launch, "add", elementwise_kernels::add, blocks_for(n, kChunk), kThreads, 0, c.f32(op::x), c.f32(op::y),
               n);
}

Status convert(const Command& c, const Launch& launch) {
  namespace op = pt::convert;
  const int64_t n = c.tensor(op::y).size();
  return start(launch, "convert", elementwise_kernels::convert, blocks_for(n, kChunk), kThreads, 0, c.f32(op::x),
               static_cast<bf16*>(c.tensor(op::y).data), n);
}

}  // namespace pt::cuda
