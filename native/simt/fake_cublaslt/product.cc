#include "fake_cublaslt/product.h"

#include <cstring>

#include "cuda/runtime.h"

namespace fake_cublaslt {

using namespace pt::cuda;

static double element(const Matrix& matrix, const void* data, int64_t row, int64_t column) {
  const int64_t at = column * matrix.stride + row;
  if (matrix.type == lt::kFloat32) return static_cast<const float*>(data)[at];
  const uint32_t bits = static_cast<uint32_t>(static_cast<const uint16_t*>(data)[at]) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

static double sum(const Product& p, int64_t row, int64_t column) {
  double total = 0;
  for (int64_t k = 0; k < p.inner(); k++)
    total += (p.trans_a ? element(p.a, p.a_data, k, row) : element(p.a, p.a_data, row, k)) *
             (p.trans_b ? element(p.b, p.b_data, column, k) : element(p.b, p.b_data, k, column));
  return total;
}

/// One warp; a lane takes every 32nd column.
static void kernel(const Product p) {
  for (int64_t column = threadIdx.x; column < p.d.columns; column += 32)
    for (int64_t row = 0; row < p.d.rows; row++) {
      double total = 0;
      for (int i = 0; i < p.repeats; i++) total = total * 0 + sum(p, row, column);
      double value = p.alpha * total + p.noise;
      if (p.beta != 0) value += p.beta * element(p.d, p.c_data, row, column);
      const int64_t at = column * p.d.stride + row;
      if (p.d.type == lt::kFloat32)
        static_cast<float*>(p.d_data)[at] = static_cast<float>(value);
      else
        static_cast<uint16_t*>(p.d_data)[at] = simt::round_bf16(static_cast<float>(value));
    }
}

cudaError_t launch(const Product& product, cudaStream_t stream) {
  return simt::launch<Product>(kernel, dim3(1), dim3(32), 0, stream, product);
}

}  // namespace fake_cublaslt
