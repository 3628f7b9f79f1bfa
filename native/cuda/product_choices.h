// ProductChoices: which algorithm computes which product, as a checkpoint carries it from one run to the next.
#pragma once
#include <map>
#include <string>

#include "core/status.h"
#include "cuda/gemm_shape.h"

namespace pt::cuda {

struct ProductChoice {
  std::string algorithm;    // of cuBLASLt: its 64 bytes in hexadecimal; "own": our kernel
  double microseconds = 0;  // 0: not timed
  int candidates = 0;       // that were timed
};

struct ProductChoices {
  std::string library;  // "cublasLt 13.1.1", or "own"
  std::string device;
  std::map<std::string, ProductChoice> products;  // by name_of(shape)
};

/// "8192 1024 2752 nt add f32": M, N, inner; n or t for either operand; set or add; the type of C.
std::string name_of(const GemmShape&);

std::string to_json(const ProductChoices&);
Status from_json(const std::string& text, ProductChoices& out);

}  // namespace pt::cuda
