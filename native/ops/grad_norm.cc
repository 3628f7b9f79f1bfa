#include "ops/grad_norm.h"

#include <algorithm>
#include <cmath>

#include "cpu/kernels.h"
#include "cpu/simd.h"

namespace pt::cpu {

// A full register of doubles and the half register of floats that fills it.
constexpr int kHalf = simd::kLanes / 2;
typedef float Floats __attribute__((vector_size(kHalf * 4)));
typedef double Doubles __attribute__((vector_size(kHalf * 8)));

static double sum_of_squares(const float* g, int64_t n) {
  Doubles sum4[4] = {};
  int64_t i = 0;
  for (; i + 4 * kHalf <= n; i += 4 * kHalf)
    for (int k = 0; k < 4; k++) {
      Floats x;
      std::memcpy(&x, g + i + k * kHalf, sizeof x);
      const Doubles d = __builtin_convertvector(x, Doubles);
      sum4[k] += d * d;
    }
  const Doubles sum = (sum4[0] + sum4[1]) + (sum4[2] + sum4[3]);
  double total = 0;
  for (int k = 0; k < kHalf; k++) total += sum[k];
  for (; i < n; i++) total += static_cast<double>(g[i]) * g[i];
  return total;
}

Status grad_norm(const Command& c, const Launch& launch) {
  namespace op = pt::grad_norm;
  const float* gradient = c.f32(op::gradient);
  double* result = c.f64(op::result);        // [norm, scale, apply]
  const double* loss = c.f64(op::loss);      // [1] or null
  const double* limits = c.f64(op::limits);  // [largest loss, largest norm] or null
  const double max_norm = c.params[op::max_norm];
  const int64_t n = c.tensor(op::gradient).size();
  double* partials = static_cast<double*>(launch.workspace);  // [⌈n/kBlock⌉]
  parallel_blocks(launch.workers, n, op::kBlock, [=](int64_t begin, int64_t end, int) {
    partials[begin / op::kBlock] = sum_of_squares(gradient + begin, end - begin);
  });

  double squares = 0;
  for (int64_t p = 0; p * op::kBlock < n; p++) squares += partials[p];
  const double norm = std::sqrt(squares);
  // A comparison with NaN is false.
  const bool norm_passes = std::isfinite(norm) && (!limits || norm <= limits[1]);
  const bool loss_passes = !loss || (std::isfinite(*loss) && (!limits || *loss <= limits[0]));
  const bool apply = norm_passes && loss_passes;
  result[0] = norm;
  result[1] = !apply ? 0 : max_norm == 0 ? 1 : std::min(1.0, max_norm / (norm + 1e-6));
  result[2] = apply;
  return Status::success();
}

}  // namespace pt::cpu
