// The functions of cuBLASLt that we use, with the real library's rules for what it is given.
#include <cstring>
#include <type_traits>

#include "cuda/runtime.h"
#include "fake_cublaslt/product.h"

namespace pt::cuda::lt {

struct Context {
  int unused;
};
struct MatmulDesc {
  Operation trans_a, trans_b;
};
struct MatrixLayout {
  fake_cublaslt::Matrix matrix;
};
struct Preference {
  uint64_t workspace_bytes;
  uint32_t reduction_schemes, alignment;
};

}  // namespace pt::cuda::lt

namespace {

using namespace pt::cuda;

constexpr lt::Status kInvalidValue = 7, kExecutionFailed = 13;
constexpr int64_t kUnsupportedInner = 13;

enum AlgorithmId : uint64_t { kInPlace = 1, kSlow, kImpossible, kRefusing, kFast };

/// How an Algorithm's eight words are used.
enum Word { kId, kWorkspace, kAlignment };

thread_local const char* reason = "";

lt::Status invalid(const char* why) {
  reason = why;
  return kInvalidValue;
}

/// Null, or what is wrong with the shapes.
const char* disagreement(const lt::MatmulDesc& desc, const fake_cublaslt::Matrix& a, const fake_cublaslt::Matrix& b,
                         const fake_cublaslt::Matrix& c, const fake_cublaslt::Matrix& d) {
  const bool ta = desc.trans_a == lt::kTransposed, tb = desc.trans_b == lt::kTransposed;
  if ((ta ? a.rows : a.columns) != (tb ? b.columns : b.rows)) return "the sums of A and B differ in length";
  if ((ta ? a.columns : a.rows) != d.rows || (tb ? b.rows : b.columns) != d.columns) return "D has another shape";
  if (std::memcmp(&c, &d, sizeof c) != 0) return "C and D differ";
  if (a.type != lt::kBrainFloat16 || b.type != lt::kBrainFloat16) return "A and B must be bf16";
  return nullptr;
}

bool aligned(const void* p, uint64_t bytes) { return p && reinterpret_cast<uintptr_t>(p) % bytes == 0; }

}  // namespace

extern "C" {

lt::Status cublasLtCreate(lt::Context** out) {
  *out = new lt::Context{};
  return lt::kSuccess;
}
lt::Status cublasLtDestroy(lt::Context* context) {
  delete context;
  return lt::kSuccess;
}
size_t cublasLtGetVersion() { return 130101; }

lt::Status cublasLtMatmulDescCreate(lt::MatmulDesc** out, lt::ComputeType compute, lt::DataType scale) {
  if (compute != lt::kComputeFloat32 || scale != lt::kFloat32) return invalid("sums and scales must be fp32");
  *out = new lt::MatmulDesc{lt::kAsIs, lt::kAsIs};
  return lt::kSuccess;
}
lt::Status cublasLtMatmulDescDestroy(lt::MatmulDesc* desc) {
  delete desc;
  return lt::kSuccess;
}
lt::Status cublasLtMatmulDescSetAttribute(lt::MatmulDesc* desc, lt::DescAttribute attribute, const void* value,
                                          size_t bytes) {
  lt::Operation operation;
  if (bytes != sizeof operation) return invalid("an operation has 4 bytes");
  std::memcpy(&operation, value, bytes);
  if (operation != lt::kAsIs && operation != lt::kTransposed) return invalid("no such operation");
  if (attribute != lt::kTransA && attribute != lt::kTransB) return invalid("no such attribute of a product");
  (attribute == lt::kTransA ? desc->trans_a : desc->trans_b) = operation;
  return lt::kSuccess;
}

lt::Status cublasLtMatrixLayoutCreate(lt::MatrixLayout** out, lt::DataType type, uint64_t rows, uint64_t columns,
                                      int64_t stride) {
  if (type != lt::kFloat32 && type != lt::kBrainFloat16) return invalid("no such type");
  if (rows == 0 || columns == 0 || stride < static_cast<int64_t>(rows)) return invalid("columns overlap");
  *out = new lt::MatrixLayout{};
  (*out)->matrix = {type, static_cast<int64_t>(rows), static_cast<int64_t>(columns), stride};
  return lt::kSuccess;
}
lt::Status cublasLtMatrixLayoutDestroy(lt::MatrixLayout* layout) {
  delete layout;
  return lt::kSuccess;
}

lt::Status cublasLtMatmulPreferenceCreate(lt::Preference** out) {
  *out = new lt::Preference{0, 7, 256};  // the library's defaults
  return lt::kSuccess;
}
lt::Status cublasLtMatmulPreferenceDestroy(lt::Preference* preference) {
  delete preference;
  return lt::kSuccess;
}
lt::Status cublasLtMatmulPreferenceSetAttribute(lt::Preference* preference, lt::PreferenceAttribute attribute,
                                                const void* value, size_t bytes) {
  if (bytes != (attribute == lt::kMaxWorkspaceBytes ? 8 : 4)) return invalid("a preference of another size");
  switch (attribute) {
    case lt::kMaxWorkspaceBytes:
      std::memcpy(&preference->workspace_bytes, value, bytes);
      return lt::kSuccess;
    case lt::kReductionSchemeMask:
      std::memcpy(&preference->reduction_schemes, value, bytes);
      return lt::kSuccess;
    case lt::kMinAlignmentA:
    case lt::kMinAlignmentB:
    case lt::kMinAlignmentC:
    case lt::kMinAlignmentD:
      std::memcpy(&preference->alignment, value, bytes);
      return lt::kSuccess;
  }
  return invalid("no such preference");
}

lt::Status cublasLtMatmulAlgoGetHeuristic(lt::Context*, lt::MatmulDesc* desc, lt::MatrixLayout* a, lt::MatrixLayout* b,
                                          lt::MatrixLayout* c, lt::MatrixLayout* d, lt::Preference* preference,
                                          int32_t wanted, lt::HeuristicResult* results, int32_t* found) {
  *found = 0;
  if (const char* wrong = disagreement(*desc, a->matrix, b->matrix, c->matrix, d->matrix)) return invalid(wrong);
  if ((desc->trans_a == lt::kTransposed ? a->matrix.rows : a->matrix.columns) == kUnsupportedInner)
    return lt::kNotSupported;
  const auto offer = [&](AlgorithmId id, size_t workspace_bytes) {
    if (*found == wanted) return;
    lt::HeuristicResult& result = results[(*found)++];
    result = {};
    result.algorithm.data[kId] = id;
    result.algorithm.data[kWorkspace] = result.workspace_bytes = workspace_bytes;
    result.algorithm.data[kAlignment] = preference->alignment;
    result.state = id == kImpossible ? lt::kNotSupported : lt::kSuccess;
  };
  if (preference->reduction_schemes & (lt::kInPlace | lt::kOutputType)) offer(kInPlace, 0);
  offer(kSlow, 0);
  offer(kImpossible, 0);
  offer(kRefusing, 0);
  offer(kFast, preference->workspace_bytes);
  return lt::kSuccess;
}

lt::Status cublasLtMatmul(lt::Context*, lt::MatmulDesc* desc, const void* alpha, const void* a,
                          lt::MatrixLayout* a_layout, const void* b, lt::MatrixLayout* b_layout, const void* beta,
                          const void* c, lt::MatrixLayout* c_layout, void* d, lt::MatrixLayout* d_layout,
                          const lt::Algorithm* algorithm, void* workspace, size_t workspace_bytes,
                          cudaStream_t stream) {
  if (const char* wrong = disagreement(*desc, a_layout->matrix, b_layout->matrix, c_layout->matrix, d_layout->matrix))
    return invalid(wrong);
  if (!algorithm) return invalid("an algorithm must be named");
  const uint64_t id = algorithm->data[kId], alignment = algorithm->data[kAlignment];
  if (id < kInPlace || id > kFast) return invalid("no such algorithm");
  if (id == kImpossible || id == kRefusing) return kExecutionFailed;
  if (workspace_bytes < algorithm->data[kWorkspace] || !aligned(workspace, 256))
    return invalid("too small a workspace");
  for (const void* p : {a, b, c, static_cast<const void*>(d)})
    if (!aligned(p, alignment)) return invalid("a matrix is not aligned as was promised");

  fake_cublaslt::Product product{};
  product.a = a_layout->matrix, product.b = b_layout->matrix, product.d = d_layout->matrix;
  product.trans_a = desc->trans_a == lt::kTransposed, product.trans_b = desc->trans_b == lt::kTransposed;
  std::memcpy(&product.alpha, alpha, sizeof product.alpha), std::memcpy(&product.beta, beta, sizeof product.beta);
  product.a_data = a, product.b_data = b, product.c_data = c, product.d_data = d;
  product.repeats = id == kSlow ? 20 : 1;
  static double runs = 0;
  product.noise = id == kInPlace ? ++runs : 0;
  return fake_cublaslt::launch(product, stream) == cudaSuccess ? lt::kSuccess : kExecutionFailed;
}

const char* cublasLtGetStatusString(lt::Status status) {
  if (status == kInvalidValue) return reason;
  return status == lt::kNotSupported ? "not supported" : "failed";
}

}  // extern "C"

#define PT_SAME(result, name, parameters)                                       \
  static_assert(std::is_same_v<decltype(&name), decltype(lt::Functions::name)>, \
                "what we call is declared as what is here");
PT_CUBLASLT_FUNCTIONS(PT_SAME)
