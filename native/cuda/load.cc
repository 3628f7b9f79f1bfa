#include "cuda/load.h"

#include <dlfcn.h>
#include <unistd.h>

namespace pt::cuda {

Status load_library(const std::string& folder, const char* file, const Library*& out) {
  const std::string path = folder + "/" + file + ".so";
  if (access(path.c_str(), F_OK) != 0)
    return Status::error(Code::unavailable,
                         "this build has no CUDA kernels (%s.so is missing): nvcc was not found when it was built. "
                         "Install a CUDA toolkit of 12.4 or newer and build again, or use device: 'cpu'",
                         file);
  // Never closed: its threads may still be inside when the process tears down.
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library) return Status::error(Code::unavailable, "the CUDA kernels cannot be loaded: %.180s", dlerror());
  const auto entry = reinterpret_cast<decltype(&patchtrain_cuda_library)>(dlsym(library, "patchtrain_cuda_library"));
  out = entry ? entry() : nullptr;
  if (!out || out->abi != kLibraryAbi)
    return Status::error(Code::unavailable, "%.180s belongs to another build; build the addon again", path.c_str());
  return Status::success();
}

}  // namespace pt::cuda
