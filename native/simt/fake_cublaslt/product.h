// The products of the fake cuBLASLt, by columns as the library has them: D = alpha · op(A) · op(B) + beta · C.
#pragma once
#include <cstdint>

#include "cuda/cublaslt_api.h"

namespace fake_cublaslt {

struct Matrix {
  pt::cuda::lt::DataType type;
  int64_t rows, columns, stride;  // stride: elements from one column to the next
};

struct Product {
  Matrix a, b, d;  // C lies where D does
  bool trans_a, trans_b;
  float alpha, beta;
  const void *a_data, *b_data, *c_data;
  void* d_data;
  int repeats;   // how often each sum is computed, to be slow
  double noise;  // added to every element

  int64_t inner() const { return trans_a ? a.rows : a.columns; }
};

cudaError_t launch(const Product&, cudaStream_t);

}  // namespace fake_cublaslt
