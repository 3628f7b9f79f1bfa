// ldmatrix and mma: who holds which element.
#include <cmath>

#include "cuda/bf16.cuh"
#include "simt/selftest/conformance.h"

using namespace pt::cuda;

namespace conformance {

namespace matrix_kernels {

/// `rows` [32, 8]: 16-byte rows, placed in shared memory; lane l asks for row `order[l]`.
template <int kMatrices, bool kTransposed>
__global__ void __launch_bounds__(32) load_matrices(const uint4* rows, const int* order, uint32_t* out) {
  PT_SHARED(shared);
  reinterpret_cast<uint4*>(shared)[threadIdx.x] = rows[threadIdx.x];
  sync_block();
  const uint32_t row = shared_address(shared) + static_cast<uint32_t>(order[threadIdx.x]) * 16;
  uint32_t r[kMatrices];
  if constexpr (kMatrices == 4 && kTransposed) ldmatrix_x4_trans(r, row);
  if constexpr (kMatrices == 4 && !kTransposed) ldmatrix_x4(r, row);
  if constexpr (kMatrices == 2 && kTransposed) ldmatrix_x2_trans(r, row);
  if constexpr (kMatrices == 2 && !kTransposed) ldmatrix_x2(r, row);
#pragma unroll
  for (int m = 0; m < kMatrices; m++) out[threadIdx.x * kMatrices + m] = r[m];
}

/// One product a block: A [16, 16], B [16, 8] bf16, C [16, 8] → D [16, 8] float, all by rows.
__global__ void __launch_bounds__(32) multiply(const bf16* A, const bf16* B, const float* C, float* D) {
  const int n = static_cast<int>(blockIdx.x), g = lane_id() / 4, t = lane_id() % 4;
  A += n * 256, B += n * 128, C += n * 128, D += n * 128;
  uint32_t a[4], b[2];
  float d[4];
#pragma unroll
  for (int q = 0; q < 4; q++) {
    const bf16* two = A + (g + 8 * (q % 2)) * 16 + 2 * t + 8 * (q / 2);
    a[q] = two[0].bits | static_cast<uint32_t>(two[1].bits) << 16;
  }
#pragma unroll
  for (int q = 0; q < 2; q++) {
    const bf16* two = B + (2 * t + 8 * q) * 8 + g;
    b[q] = two[0].bits | static_cast<uint32_t>(two[8].bits) << 16;
  }
#pragma unroll
  for (int i = 0; i < 4; i++) d[i] = C[(g + 8 * (i / 2)) * 8 + 2 * t + i % 2];
  mma_16x8x16(d, a, b[0], b[1]);
#pragma unroll
  for (int i = 0; i < 4; i++) D[(g + 8 * (i / 2)) * 8 + 2 * t + i % 2] = d[i];
}

}  // namespace matrix_kernels

// ------------------------------------------------------------------------------------------------------------------

template <int kMatrices, bool kTransposed>
static bool check_load(const char* wrapper) {
  Numbers numbers;
  std::vector<uint4> rows(32);
  for (uint4& row : rows) row = make_uint4(numbers.bits(), numbers.bits(), numbers.bits(), numbers.bits());
  std::vector<int> order(32);
  for (int l = 0; l < 32; l++) order[l] = (l * 11 + 5) % 32;
  Device<uint32_t> out(32 * kMatrices);
  const Device<uint4> device_rows(rows);
  const Device<int> device_order(order);
  run(matrix_kernels::load_matrices<kMatrices, kTransposed>, 1, 32, 512, device_rows.data(), device_order.data(),
      out.data());

  const auto element = [&](int matrix, int row, int column) {
    uint16_t values[8];
    std::memcpy(values, &rows[order[8 * matrix + row]], sizeof values);
    return static_cast<uint32_t>(values[column]);
  };
  std::vector<uint32_t> expected(32 * kMatrices);
  for (int l = 0; l < 32; l++)
    for (int m = 0; m < kMatrices; m++) {
      const int i = l / 4, j = l % 4 * 2;
      expected[l * kMatrices + m] =
          kTransposed ? element(m, j, i) | element(m, j + 1, i) << 16 : element(m, i, j) | element(m, i, j + 1) << 16;
    }
  return exactly(wrapper, out.values(), expected);
}

struct Product {
  std::vector<bf16> A, B;
  std::vector<float> C, D;
};

static float value_of(bf16 x) { return from_bits(static_cast<uint32_t>(x.bits) << 16); }
static bf16 upper_half(float x) { return {static_cast<uint16_t>(to_bits(x) >> 16)}; }

static void multiply(Product& p) {
  const Device<bf16> a(p.A), b(p.B);
  const Device<float> c(p.C), d(p.C.size());
  run(matrix_kernels::multiply, static_cast<int>(p.C.size() / 128), 32, 0, a.data(), b.data(), c.data(), d.data());
  p.D = d.values();
}

/// Of element `i` of all products: C + Σ A·B, and the sum of the absolute terms.
static void reference(const Product& p, size_t i, double& sum, double& absolute) {
  const size_t n = i / 128, row = i / 8 % 16, column = i % 8;
  sum = p.C[i], absolute = std::fabs(p.C[i]);
  for (size_t k = 0; k < 16; k++) {
    const double term = double{value_of(p.A[n * 256 + row * 16 + k])} * value_of(p.B[n * 128 + k * 8 + column]);
    sum += term, absolute += std::fabs(term);
  }
}

/// Small integers: every order of summation gives the same bits, so only the layout is in question.
static bool check_layout() {
  Numbers numbers;
  Product p = {std::vector<bf16>(8 * 256), std::vector<bf16>(8 * 128), std::vector<float>(8 * 128), {}};
  for (bf16& x : p.A) x = upper_half(static_cast<float>(numbers.integer(-100, 100)));
  for (bf16& x : p.B) x = upper_half(static_cast<float>(numbers.integer(-100, 100)));
  for (float& x : p.C) x = static_cast<float>(numbers.integer(-1000, 1000));
  multiply(p);
  std::vector<uint32_t> actual, expected;
  for (size_t i = 0; i < p.D.size(); i++) {
    double sum, absolute;
    reference(p, i, sum, absolute);
    actual.push_back(to_bits(p.D[i]));
    expected.push_back(to_bits(static_cast<float>(sum)));
  }
  return exactly("mma_16x8x16 layout", actual, expected);
}

/// Real numbers: the hardware rounds in its own way, but not worse than a float sum with truncation.
static bool check_sums() {
  Numbers numbers;
  Product p = {std::vector<bf16>(64 * 256), std::vector<bf16>(64 * 128), std::vector<float>(64 * 128), {}};
  for (bf16& x : p.A) x = upper_half(numbers.real());
  for (bf16& x : p.B) x = upper_half(numbers.real() * 100);
  for (float& x : p.C) x = numbers.real() * 100;
  multiply(p);
  double worst = 0;
  for (size_t i = 0; i < p.D.size(); i++) {
    double sum, absolute;
    reference(p, i, sum, absolute);
    const double error = std::fabs(p.D[i] - sum) / absolute;
    if (!(error <= worst)) worst = error;
  }
  return closely("mma_16x8x16 sums", worst, 17 * 0x1p-23);
}

/// Infinities, NaN, and factors below the smallest normal number.
static bool check_specials() {
  Product p = {std::vector<bf16>(256, bf16{0}), std::vector<bf16>(128, bf16{0}), std::vector<float>(128, 0.0f), {}};
  const float left[4] = {INFINITY, INFINITY, -INFINITY, 0x1p-130f};
  for (int row = 0; row < 4; row++) p.A[row * 16 + row] = upper_half(left[row]);
  const float right[4] = {2, 0, 3, 0x1p20f};
  for (int k = 0; k < 4; k++)
    for (int column = 0; column < 8; column++) p.B[k * 8 + column] = upper_half(right[k]);
  multiply(p);
  std::vector<uint32_t> actual, expected;
  for (int row = 0; row < 4; row++)
    for (int column = 0; column < 8; column++) {
      // Rows: ∞·2, ∞·0, −∞·3, 2^-130·2^20; the other factors of a row are zeros.
      const float d = p.D[row * 8 + column];
      const float formula[4] = {INFINITY, NAN, -INFINITY, 0x1p-110f};
      actual.push_back(std::isnan(d) ? 0x7fffffff : to_bits(d));
      expected.push_back(std::isnan(formula[row]) ? 0x7fffffff : to_bits(formula[row]));
    }
  return exactly("mma_16x8x16 specials", actual, expected);
}

bool check_matrices() {
  bool ok = check_load<4, false>("ldmatrix_x4");
  ok = check_load<4, true>("ldmatrix_x4_trans") && ok;
  ok = check_load<2, false>("ldmatrix_x2") && ok;
  ok = check_load<2, true>("ldmatrix_x2_trans") && ok;
  ok = check_layout() && ok;
  ok = check_sums() && ok;
  return check_specials() && ok;
}

}  // namespace conformance
