// cuBLASLt thinks by columns. A row-major matrix read by columns is its transpose, so C = op(A)·op(B) is asked for as
// Cᵀ = op(B)ᵀ·op(A)ᵀ: B is the left operand, A the right one, and a flag of ours means what it says, since B in memory
// already is Bᵀ to the library.
#include "cuda/cublaslt_product.h"

namespace pt::cuda {

constexpr int32_t kMostAlgorithms = 16;
constexpr uint32_t kAlignment = 16;  // of every tensor's first element: what the recorder promises

Status LtProduct::create(CublasLt& library, const GemmShape& shape, std::unique_ptr<LtProduct>& out) {
  std::unique_ptr<LtProduct> made(new LtProduct(library));
  if (Status s = made->describe(shape); !s.ok()) return s;
  out = std::move(made);
  return Status::success();
}

LtProduct::~LtProduct() {
  const lt::Functions& call = library_.call();
  for (lt::MatrixLayout* layout : {left_, right_, result_})
    if (layout) call.cublasLtMatrixLayoutDestroy(layout);
  if (desc_) call.cublasLtMatmulDescDestroy(desc_);
}

Status LtProduct::describe(const GemmShape& shape) {
  if (Status s = library_.context(context_); !s.ok()) return s;
  const lt::Functions& call = library_.call();
  const lt::Operation left = shape.trans_b ? lt::kTransposed : lt::kAsIs;
  const lt::Operation right = shape.trans_a ? lt::kTransposed : lt::kAsIs;
  const lt::DataType c = shape.c == DType::f32 ? lt::kFloat32 : lt::kBrainFloat16;
  const auto layout = [&](lt::MatrixLayout*& out, lt::DataType type, int64_t row_length, int64_t rows) {
    return call.cublasLtMatrixLayoutCreate(&out, type, static_cast<uint64_t>(row_length), static_cast<uint64_t>(rows),
                                           row_length);
  };
  const lt::Status made[] = {
      call.cublasLtMatmulDescCreate(&desc_, lt::kComputeFloat32, lt::kFloat32),
      call.cublasLtMatmulDescSetAttribute(desc_, lt::kTransA, &left, sizeof left),
      call.cublasLtMatmulDescSetAttribute(desc_, lt::kTransB, &right, sizeof right),
      layout(left_, lt::kBrainFloat16, shape.row_of_b(), shape.trans_b ? shape.N : shape.inner),
      layout(right_, lt::kBrainFloat16, shape.row_of_a(), shape.trans_a ? shape.inner : shape.M),
      layout(result_, c, shape.N, shape.M),
  };
  for (const lt::Status status : made)
    if (Status s = library_.check(status, "describing a product to cuBLASLt"); !s.ok()) return s;
  return Status::success();
}

Status LtProduct::algorithms(size_t workspace_bytes, std::vector<lt::HeuristicResult>& out) {
  const lt::Functions& call = library_.call();
  lt::Preference* preference = nullptr;
  if (Status s = library_.check(call.cublasLtMatmulPreferenceCreate(&preference), "asking cuBLASLt"); !s.ok()) return s;
  const auto prefer = [&](lt::PreferenceAttribute attribute, auto value) {
    return call.cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value);
  };
  // Sums in C's type would be rounded to bf16 at every part; parts that meet in place wait for one another.
  lt::Status status = prefer(lt::kReductionSchemeMask, static_cast<uint32_t>(lt::kComputeType));
  if (status == lt::kSuccess) status = prefer(lt::kMaxWorkspaceBytes, static_cast<uint64_t>(workspace_bytes));
  for (const auto matrix : {lt::kMinAlignmentA, lt::kMinAlignmentB, lt::kMinAlignmentC, lt::kMinAlignmentD})
    if (status == lt::kSuccess) status = prefer(matrix, kAlignment);

  lt::HeuristicResult results[kMostAlgorithms] = {};
  int32_t found = 0;
  if (status == lt::kSuccess)
    status = call.cublasLtMatmulAlgoGetHeuristic(context_, desc_, left_, right_, result_, result_, preference,
                                                 kMostAlgorithms, results, &found);
  call.cublasLtMatmulPreferenceDestroy(preference);

  out.clear();
  if (status == lt::kNotSupported) return Status::success();
  if (Status s = library_.check(status, "asking cuBLASLt for algorithms"); !s.ok()) return s;
  for (int32_t i = 0; i < found; i++)
    if (results[i].state == lt::kSuccess && results[i].workspace_bytes <= workspace_bytes) out.push_back(results[i]);
  return Status::success();
}

Status LtProduct::run(const Command& cmd, const lt::Algorithm& algorithm, void* workspace, size_t workspace_bytes,
                      cudaStream_t stream) const {
  const float one = 1, before = cmd.flag(gemm::accumulate) ? 1 : 0;
  void* c = cmd.tensor(gemm::c).data;
  return library_.check(library_.call().cublasLtMatmul(context_, desc_, &one, cmd.tensor(gemm::b).data, left_,
                                                       cmd.tensor(gemm::a).data, right_, &before, c, result_, c,
                                                       result_, &algorithm, workspace, workspace_bytes, stream),
                        "cublasLtMatmul");
}

}  // namespace pt::cuda
