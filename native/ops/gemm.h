// Matrix product.
//
//   C (= | +=) op(A) · op(B)      op(X) = Xᵀ when its trans flag is set
//
// op(A) is [M, inner], op(B) is [inner, N]. The three products of a linear layer with weight W [out, in]:
//   y = x · Wᵀ (trans_b)      dx = dy · W (no flag)      dW += dyᵀ · x (trans_a, accumulate)
//
// Sums run in fp32, in index order within fixed blocks of `inner`, block after block; with 4 rows or fewer and trans_b
// alone (one token while generating) B is read in place and sums run by vector lane. The bits depend on the shape and
// the instruction set, not on the number of workers. Workspace: packed blocks of both operands, at most 8 MiB and
// 0.4 MiB a worker, whatever the sizes.
//
// CUDA: bf16 operands, C bf16 or f32, sums in fp32. Products are computed by cuBLASLt where it is found and by our own
// kernel elsewhere (cuda/products.h says how that is decided, and kept). Our own: sums in index order, 16 at a time, in
// up to 32 parts of `inner` that are added in order; the bits depend on the shape alone. Workspace: the parts' sums, at
// most 16 MiB. It is fast when rows of both operands in memory are multiples of 8 long, and right whatever they are.
#pragma once
#include "core/op.h"

namespace pt::gemm {
enum Tensor {
  a,  // [M, inner] compute read; [inner, M] with trans_a
  b,  // [inner, N] compute read; [N, inner] with trans_b
  c,  // [M, N]     compute or f32 =, or += with accumulate
};
enum Param { trans_a, trans_b, accumulate };
extern const OpDef def;
}  // namespace pt::gemm
