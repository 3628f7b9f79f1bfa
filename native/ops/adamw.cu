// A block takes a chunk of 2048 elements and a thread eight neighbouring ones: eight reads of 16 bytes, all under way
// at once. Meanwhile thread 0 works out the scalars of the step from the doubles in memory; four blocks on a
// multiprocessor hide that. The last chunk, where it is not whole, goes element by element.
//
// Bytes an element: 28, with `rounded` 30.
#include <cmath>

#include "cuda/bf16.cuh"
#include "cuda/kernels.h"
#include "ops/adamw.h"

namespace pt::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kChunk = kThreads * 8;

}  // namespace

namespace adamw_kernels {

/// What does not change from step to step.
struct Settings {
  double weight_decay;
  float beta1, beta1_rest, beta2, beta2_rest, eps;
};

/// The scalars of one step, rounded from double once, as the CPU kernel does.
struct Factors {
  float clip, decay, rate, inverse_root_bias2;
  bool skip;
};

/// [n] each; rounded null or not.
struct Vectors {
  float* weight;
  const float* gradient;
  float *m, *v;
  bf16* rounded;
};

PT_DEVICE void update(float& w, float gradient, float& m, float& v, const Settings& s, const Factors& f) {
  const float g = gradient * f.clip;
  m = s.beta1 * m + s.beta1_rest * g;
  v = s.beta2 * v + s.beta2_rest * g * g;
  w = w * f.decay - f.rate * m / (sqrtf(v) * f.inverse_root_bias2 + s.eps);
}

/// step = [lr, bias1, bias2], clip = [norm, scale, apply] or null.
PT_DEVICE void find_factors(Factors& f, const double* step, const double* clip, double weight_decay) {
  f.skip = clip && clip[2] == 0;
  f.clip = clip ? static_cast<float>(clip[1]) : 1.0f;
  f.decay = static_cast<float>(1 - step[0] * weight_decay);
  f.rate = static_cast<float>(step[0] / step[1]);
  f.inverse_root_bias2 = static_cast<float>(1 / sqrt(step[2]));
}

__global__ void __launch_bounds__(kThreads)
    step(Vectors t, const double* step, const double* clip, Settings settings, int64_t n) {
  PT_SHARED(shared);
  Factors* factors = reinterpret_cast<Factors*>(shared);
  const int64_t begin = blockIdx.x * kChunk, i = begin + threadIdx.x * 8;
  const bool whole = begin + kChunk <= n;

  if (threadIdx.x == 0) find_factors(*factors, step, clip, settings.weight_decay);
  float w[8], g[8], m[8], v[8];
  if (whole) {
    load8(g, t.gradient + i);
    load8(m, t.m + i);
    load8(v, t.v + i);
    load8(w, t.weight + i);
  }
  sync_block();
  const Factors f = *factors;
  if (f.skip) return;

  if (whole) {
#pragma unroll
    for (int k = 0; k < 8; k++) update(w[k], g[k], m[k], v[k], settings, f);
    store8(t.m + i, m);
    store8(t.v + i, v);
    store8(t.weight + i, w);
    if (t.rounded) store8(t.rounded + i, w);
  } else {
#pragma unroll 1
    for (int64_t j = begin + threadIdx.x; j < n; j += kThreads) {
      float w = t.weight[j], m = t.m[j], v = t.v[j];
      update(w, t.gradient[j], m, v, settings, f);
      t.m[j] = m;
      t.v[j] = v;
      t.weight[j] = w;
      if (t.rounded) t.rounded[j] = to_bf16(w);
    }
  }
}

}  // namespace adamw_kernels

// --------------------------------------------------------------------------------------------------------------------

Status adamw(const Command& c, const Launch& launch) {
  namespace op = pt::adamw;
  adamw_kernels::Vectors t;
  t.weight = c.f32(op::weight);
  t.gradient = c.f32(op::gradient);
  t.m = c.f32(op::m);
  t.v = c.f32(op::v);
  t.rounded = static_cast<bf16*>(c.tensor(op::rounded).data);

  const double beta1 = c.params[op::beta1], beta2 = c.params[op::beta2];
  adamw_kernels::Settings s;
  s.weight_decay = c.params[op::weight_decay];
  s.beta1 = static_cast<float>(beta1);
  s.beta1_rest = static_cast<float>(1 - beta1);
  s.beta2 = static_cast<float>(beta2);
  s.beta2_rest = static_cast<float>(1 - beta2);
  s.eps = c.real(op::eps);

  const int64_t n = c.tensor(op::weight).size();
  return start(launch, "adamw", adamw_kernels::step, blocks_for(n, kChunk), kThreads, sizeof(adamw_kernels::Factors), t,
               c.f64(op::step), c.has(op::clip) ? c.f64(op::clip) : nullptr, s, n);
}

}  // namespace pt::cuda
