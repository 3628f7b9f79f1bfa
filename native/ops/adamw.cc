#include "ops/adamw.h"

#include <cmath>

#include "cpu/bf16.h"
#include "cpu/kernels.h"

namespace pt::cpu {

constexpr int64_t kBlock = 1 << 14;  // elements a task

namespace {
/// The scalars of one step, rounded from double once.
struct Factors {
  float clip, decay, beta1, beta1_rest, beta2, beta2_rest, rate, inverse_root_bias2, eps;
};

// Plain loops with restrict pointers: compilers vectorise them, square root and division included.
void update(float* __restrict w, const float* __restrict gradient, float* __restrict m, float* __restrict v,
            int64_t begin, int64_t end, const Factors f) {
  for (int64_t i = begin; i < end; i++) {
    const float g = gradient[i] * f.clip;
    m[i] = f.beta1 * m[i] + f.beta1_rest * g;
    v[i] = f.beta2 * v[i] + f.beta2_rest * g * g;
    w[i] = w[i] * f.decay - f.rate * m[i] / (std::sqrt(v[i]) * f.inverse_root_bias2 + f.eps);
  }
}
}  // namespace

Status adamw(const Command& c, const Launch& launch) {
  namespace op = pt::adamw;
  const double* step = c.f64(op::step);  // [lr, bias1, bias2]
  const double* clip = c.f64(op::clip);  // [norm, scale, apply] or null
  if (clip && clip[2] == 0) return Status::success();

  const double beta1 = c.params[op::beta1], beta2 = c.params[op::beta2];
  Factors f;
  f.clip = clip ? static_cast<float>(clip[1]) : 1.0f;
  f.decay = static_cast<float>(1 - step[0] * c.params[op::weight_decay]);
  f.beta1 = static_cast<float>(beta1);
  f.beta1_rest = static_cast<float>(1 - beta1);
  f.beta2 = static_cast<float>(beta2);
  f.beta2_rest = static_cast<float>(1 - beta2);
  f.rate = static_cast<float>(step[0] / step[1]);
  f.inverse_root_bias2 = static_cast<float>(1 / std::sqrt(step[2]));
  f.eps = c.real(op::eps);

  float *w = c.f32(op::weight), *m = c.f32(op::m), *v = c.f32(op::v);
  const float* gradient = c.f32(op::gradient);
  uint16_t* rounded = c.bf16(op::rounded);  // or null
  parallel_blocks(launch.workers, c.tensor(op::weight).size(), kBlock, [=](int64_t begin, int64_t end, int) {
    update(w, gradient, m, v, begin, end, f);
    if (rounded)
      for (int64_t i = begin; i < end; i++) rounded[i] = to_bf16(w[i]);
  });
  return Status::success();
}

}  // namespace pt::cpu
