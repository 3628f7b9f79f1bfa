// CublasLt: NVIDIA's library of matrix products, found and opened at run time. It is neither linked nor shipped.
//
// Where it is looked for, unless the caller names a file (the environment variable PATCHTRAIN_CUBLASLT does):
//   1. libcublasLt.so.13, .12 and .11 where the dynamic loader finds libraries (LD_LIBRARY_PATH, ldconfig);
//   2. the CUDA toolkit: $CUDA_HOME, $CUDA_PATH and /usr/local/cuda, in lib64;
//   3. the Python packages nvidia-cublas[-cu12] of the environment in $VIRTUAL_ENV or $CONDA_PREFIX.
// Versions newer than the driver's CUDA are passed over. The emulator has no use for a real library: it does not
// search.
#pragma once
#include <memory>
#include <string>

#include "core/status.h"
#include "cuda/cublaslt_api.h"

namespace pt::cuda {

class CublasLt {
 public:
  /// `library`: a file, "none", or empty for the search above. Null when there is none: `absence` then says why.
  static std::unique_ptr<CublasLt> open(const std::string& library, std::string& absence);
  ~CublasLt();

  const lt::Functions& call() const { return functions_; }
  const std::string& path() const { return path_; }
  std::string version() const;  // "13.1.1"

  /// Made at the first call, on the device that is current then.
  Status context(lt::Context*& out);
  /// `what` says in words what was being done.
  Status check(lt::Status status, const char* what) const;

 private:
  CublasLt() = default;
  bool load(const std::string& file, std::string& problem);

  lt::Functions functions_;
  std::string path_;
  lt::Context* context_ = nullptr;
};

}  // namespace pt::cuda
