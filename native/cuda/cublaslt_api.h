// The part of cuBLASLt that we call, declared by ourselves: the library is opened at run time, so that neither its
// headers nor its 0.5 GB are needed to build or to ship. Names and numbers as in NVIDIA's cublasLt.h; they are the same
// in 11.8, 12.6 and 13.1. The sizes of its descriptors are not, so descriptors come only from its Create functions.
#pragma once
#include <cstddef>
#include <cstdint>

#include "cuda/runtime.h"

namespace pt::cuda::lt {

using Status = int32_t;  // cublasStatus_t
constexpr Status kSuccess = 0;
constexpr Status kNotSupported = 15;

enum DataType : int32_t { kFloat32 = 0, kBrainFloat16 = 14 };  // cudaDataType: CUDA_R_32F, CUDA_R_16BF
enum ComputeType : int32_t { kComputeFloat32 = 68 };           // CUBLAS_COMPUTE_32F
enum Operation : int32_t { kAsIs = 0, kTransposed = 1 };       // CUBLAS_OP_N, CUBLAS_OP_T

enum DescAttribute : int32_t { kTransA = 3, kTransB = 4 };  // CUBLASLT_MATMUL_DESC_…, int32_t each

enum PreferenceAttribute : int32_t {  // CUBLASLT_MATMUL_PREF_…
  kMaxWorkspaceBytes = 1,             // uint64_t
  kReductionSchemeMask = 3,           // uint32_t of ReductionScheme
  kMinAlignmentA = 5,                 // uint32_t, as the three others
  kMinAlignmentB = 6,
  kMinAlignmentC = 7,
  kMinAlignmentD = 8,
};

// How the parts of a sum that were computed in parallel are added up. One part needs none: it is always allowed.
enum ReductionScheme : uint32_t {
  kInPlace = 1,      // in C, in C's type
  kComputeType = 2,  // fp32 in the workspace, by a kernel of its own
  kOutputType = 4,   // the same in C's type
};

struct Context;
struct MatmulDesc;
struct MatrixLayout;
struct Preference;

/// Opaque, but made to be stored: valid for the same version of the library.
struct Algorithm {
  uint64_t data[8];
};

struct HeuristicResult {
  Algorithm algorithm;
  size_t workspace_bytes;
  Status state;
  float waves;
  int32_t reserved[4];
};
static_assert(sizeof(HeuristicResult) == 96, "as in all three versions");

/// X(return type, name, parameters), for every function without which we cannot use the library.
#define PT_CUBLASLT_FUNCTIONS(X)                                                                                       \
  X(Status, cublasLtCreate, (Context**))                                                                               \
  X(Status, cublasLtDestroy, (Context*))                                                                               \
  X(size_t, cublasLtGetVersion, ())                                                                                    \
  X(Status, cublasLtMatmulDescCreate, (MatmulDesc**, ComputeType, DataType scale))                                     \
  X(Status, cublasLtMatmulDescDestroy, (MatmulDesc*))                                                                  \
  X(Status, cublasLtMatmulDescSetAttribute, (MatmulDesc*, DescAttribute, const void* value, size_t bytes))             \
  X(Status, cublasLtMatrixLayoutCreate, (MatrixLayout**, DataType, uint64_t rows, uint64_t columns, int64_t stride))   \
  X(Status, cublasLtMatrixLayoutDestroy, (MatrixLayout*))                                                              \
  X(Status, cublasLtMatmulPreferenceCreate, (Preference**))                                                            \
  X(Status, cublasLtMatmulPreferenceDestroy, (Preference*))                                                            \
  X(Status, cublasLtMatmulPreferenceSetAttribute, (Preference*, PreferenceAttribute, const void* value, size_t bytes)) \
  X(Status, cublasLtMatmulAlgoGetHeuristic,                                                                            \
    (Context*, MatmulDesc*, MatrixLayout * a, MatrixLayout * b, MatrixLayout * c, MatrixLayout * d, Preference*,       \
     int32_t wanted, HeuristicResult * results, int32_t * found))                                                      \
  X(Status, cublasLtMatmul,                                                                                            \
    (Context*, MatmulDesc*, const void* alpha, const void* a, MatrixLayout*, const void* b, MatrixLayout*,             \
     const void* beta, const void* c, MatrixLayout*, void* d, MatrixLayout*, const Algorithm*, void* workspace,        \
     size_t workspace_bytes, cudaStream_t))                                                                            \
  X(const char*, cublasLtGetStatusString, (Status))

struct Functions {
#define PT_MEMBER(result, name, parameters) result(*name) parameters = nullptr;
  PT_CUBLASLT_FUNCTIONS(PT_MEMBER)
#undef PT_MEMBER
};

}  // namespace pt::cuda::lt
