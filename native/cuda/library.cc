#include "cuda/library.h"

#include "cuda/cuda_backend.h"
#include "cuda/runtime.h"

namespace pt::cuda {

static Status configure(const CreateOptions& options) {
#ifdef PT_SIMT
  if (const char* problem = simt::configure(options.emulator.c_str()))
    return Status::error(Code::invalid_argument, "emulator options '%s': %s", options.emulator.c_str(), problem);
#else
  PT_CHECK(options.emulator.empty(), "emulator options were given to a real device");
#endif
  return Status::success();
}

static Status probe(const CreateOptions& options, Probe& out) {
  if (Status s = configure(options); !s.ok()) return s;
  if (Status s = find_devices(out); !s.ok() || !out.problem.empty()) return s;
  DeviceInfo info{};
  info.major = out.devices[0].major, info.minor = out.devices[0].minor;
  out.products = Products::create(info, options.cublaslt.c_str())->describe();
  return Status::success();
}

static Status create(const CreateOptions& options, std::unique_ptr<Backend>& out) {
  if (Status s = configure(options); !s.ok()) return s;
  return CudaBackend::create(options, out);
}

static const Library kLibrary = {kLibraryAbi, probe, create};

}  // namespace pt::cuda

extern "C" __attribute__((visibility("default"))) const pt::cuda::Library* patchtrain_cuda_library() {
  return &pt::cuda::kLibrary;
}
