// GemmShape: what decides how a product is computed. The data decides nothing.
#pragma once
#include <tuple>

#include "core/op.h"
#include "ops/gemm.h"

namespace pt::cuda {

struct GemmShape {
  int64_t M, N, inner;
  bool trans_a, trans_b, accumulate;
  DType c;

  explicit GemmShape(const Command& cmd)
      : M(cmd.dim(gemm::c, 0)),
        N(cmd.dim(gemm::c, 1)),
        inner(cmd.dim(gemm::a, cmd.flag(gemm::trans_a) ? 0 : 1)),
        trans_a(cmd.flag(gemm::trans_a)),
        trans_b(cmd.flag(gemm::trans_b)),
        accumulate(cmd.flag(gemm::accumulate)),
        c(cmd.tensor(gemm::c).dtype) {}

  // Elements in one row of an operand as it lies in memory.
  int64_t row_of_a() const { return trans_a ? M : inner; }
  int64_t row_of_b() const { return trans_b ? inner : N; }

  bool operator<(const GemmShape& other) const { return key() < other.key(); }

 private:
  std::tuple<int64_t, int64_t, int64_t, bool, bool, bool, DType> key() const {
    return {M, N, inner, trans_a, trans_b, accumulate, c};
  }
};

}  // namespace pt::cuda
