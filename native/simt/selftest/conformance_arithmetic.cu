// Rounding to bf16, and the approximate functions.
#include <cmath>
#include <string>

#include "cuda/bf16.cuh"
#include "simt/selftest/conformance.h"

using namespace pt::cuda;

namespace conformance {

namespace arithmetic_kernels {

__global__ void __launch_bounds__(128) pack(const float* low, const float* high, uint32_t* out) {
  const int i = static_cast<int>(blockIdx.x * 128 + threadIdx.x);
  out[i] = pack_bf16(low[i], high[i]);
}

/// `out` [4, n]
__global__ void __launch_bounds__(128) functions(const float* x, float* out, int n) {
  const int i = static_cast<int>(blockIdx.x * 128 + threadIdx.x);
  out[i] = exp2_approx(x[i]);
  out[n + i] = log2_approx(x[i]);
  out[2 * n + i] = reciprocal_approx(x[i]);
  out[3 * n + i] = rsqrt_approx(x[i]);
}

}  // namespace arithmetic_kernels

// ------------------------------------------------------------------------------------------------------------------

/// Nearest multiple of the spacing of bf16 around x, ties to even, in double arithmetic.
static uint32_t nearest_bf16(float x) {
  if (std::isnan(x)) return 0x7fff;
  if (std::isinf(x) || x == 0) return to_bits(x) >> 16;
  int exponent;
  (void)std::frexp(x, &exponent);                               // |x| in [2^(e-1), 2^e)
  const int spacing = (exponent < -125 ? -125 : exponent) - 8;  // eight significant bits, fewer for denormals
  const double rounded = std::ldexp(std::nearbyint(std::ldexp(static_cast<double>(x), -spacing)), spacing);
  return to_bits(static_cast<float>(rounded)) >> 16;  // beyond the greatest: infinity
}

bool check_rounding() {
  std::vector<float> x;
  for (const uint32_t upper :
       {0x0000u, 0x0001u, 0x007fu, 0x0080u, 0x3f80u, 0x3f81u, 0x3fffu, 0x7f7eu, 0x7f7fu, 0x7f80u, 0x7fc0u})
    for (const uint32_t lower : {0x0000u, 0x0001u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu})  // below, at and above ties
      for (const uint32_t sign : {0u, 0x80000000u}) x.push_back(from_bits(sign | upper << 16 | lower));
  Numbers numbers;
  while (x.size() % 128 != 0 || x.size() < 1 << 16) x.push_back(from_bits(numbers.bits()));
  const std::vector<float> y(x.rbegin(), x.rend());
  const Device<float> low(x), high(y);
  const Device<uint32_t> out(x.size());
  run(arithmetic_kernels::pack, static_cast<int>(x.size() / 128), 128, 0, low.data(), high.data(), out.data());
  std::vector<uint32_t> expected;
  for (size_t i = 0; i < x.size(); i++) expected.push_back(nearest_bf16(x[i]) | nearest_bf16(y[i]) << 16);
  return exactly("pack_bf16", out.values(), expected);
}

struct Function {
  const char* name;
  double (*exact)(double);
  double allowed;  // relative error of normal results
};

static double flush(double x) { return std::fabs(x) < 0x1p-126 ? std::copysign(0.0, x) : x; }

/// log2 near 1 has an absolute error instead (PTX manual, lg2.approx), so errors are counted relative to at least 1.
static bool counts_from_one(const Function& f) { return std::strcmp(f.name, "log2_approx") == 0; }

bool check_functions() {
  const Function functions[4] = {
      {"exp2_approx", [](double v) { return std::exp2(v); }, 0x1p-21},
      {"log2_approx", [](double v) { return std::log2(v); }, 0x1p-21},
      {"reciprocal_approx", [](double v) { return 1 / v; }, 0x1p-22},
      {"rsqrt_approx", [](double v) { return 1 / std::sqrt(v); }, 0x1p-21},
  };
  // Zeros, ones, infinities, NaN, denormals of the input and of the result, overflow; integers, where exp2 is exact.
  std::vector<float> x = {0.0f,     -0.0f,    1.0f,   INFINITY, -INFINITY, NAN,     0x1p-140f, -0x1p-140f, 0x1p-126f,
                          0x1p126f, 0x1p127f, 128.0f, 127.5f,   -126.0f,   -126.5f, -150.0f,   -1.0f,      -4.0f};
  for (int i = -20; i <= 20; i++) x.push_back(static_cast<float>(i));
  Numbers numbers;
  while (x.size() < 1 << 14) x.push_back(numbers.real() * std::exp2(static_cast<float>(numbers.integer(-20, 6))));
  const int n = static_cast<int>(x.size());
  const Device<float> device_x(x), out(4 * x.size());
  run(arithmetic_kernels::functions, n / 128, 128, 0, device_x.data(), out.data(), n);
  const std::vector<float> values = out.values();

  bool ok = true;
  for (size_t f = 0; f < 4; f++) {
    std::vector<uint32_t> actual, expected;  // of results that no rounding touches
    double worst = 0;
    for (size_t i = 0; i < x.size(); i++) {
      const float got = values[f * x.size() + i];
      const double exact = flush(functions[f].exact(flush(x[i])));
      const double as_float = static_cast<float>(exact);
      if (std::isnan(exact) || std::isinf(as_float) || exact == 0) {
        actual.push_back(std::isnan(got) ? 0x7fffffff : to_bits(got));
        expected.push_back(std::isnan(exact) ? 0x7fffffff : to_bits(static_cast<float>(exact)));
      } else {
        const double unit = counts_from_one(functions[f]) ? std::fmax(1.0, std::fabs(exact)) : std::fabs(exact);
        const double error = std::fabs(got - exact) / unit;
        if (!(error <= worst)) worst = error;
      }
    }
    ok = exactly((std::string(functions[f].name) + " specials").c_str(), actual, expected) && ok;
    ok = closely(functions[f].name, worst, functions[f].allowed) && ok;
  }
  return ok;
}

}  // namespace conformance
