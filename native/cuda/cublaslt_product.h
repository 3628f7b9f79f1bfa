// LtProduct: one product, described to cuBLASLt once and run as often as wanted.
#pragma once
#include <memory>
#include <vector>

#include "cuda/cublaslt.h"
#include "cuda/gemm_shape.h"

namespace pt::cuda {

class LtProduct {
 public:
  static Status create(CublasLt&, const GemmShape&, std::unique_ptr<LtProduct>& out);
  ~LtProduct();

  /// Ways to compute it, the one that the library thinks best first; none where the library cannot. Only such as give
  /// the same bits every time, and add up in fp32.
  Status algorithms(size_t workspace_bytes, std::vector<lt::HeuristicResult>& out);

  Status run(const Command&, const lt::Algorithm&, void* workspace, size_t workspace_bytes, cudaStream_t) const;

 private:
  explicit LtProduct(CublasLt& library) : library_(library) {}
  Status describe(const GemmShape&);

  CublasLt& library_;
  lt::Context* context_ = nullptr;
  lt::MatmulDesc* desc_ = nullptr;
  lt::MatrixLayout *left_ = nullptr, *right_ = nullptr, *result_ = nullptr;
};

}  // namespace pt::cuda
