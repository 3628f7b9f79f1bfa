// What patchtrain-cuda.so offers the addon. The CUDA backend is a shared object of its own: the addon loads without it,
// a host without a GPU never maps it, and the emulator that the tests use is another file with the same door.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/backend.h"

namespace pt::cuda {

/// Raised whenever Command, Plan, Backend or this struct changes: an object of another build is refused.
constexpr int kLibraryAbi = 3;

struct FoundDevice {
  std::string name;
  int major, minor;  // compute capability
  double memory_bytes;
};

/// What the host has. `problem` says in a sentence why no device can be used, with the remedy; empty when one can.
struct Probe {
  int driver_version = 0;   // 13000 is 13.0; 0: no driver
  int runtime_version = 0;  // what the library was built with
  std::vector<FoundDevice> devices;
  std::string problem;
  std::string products;  // where matrix products would come from
};

struct CreateOptions {
  int index = 0;
  std::string cublaslt;  // path of a libcublasLt to use; empty: search; "none": our own kernels
  std::string emulator;  // options of the emulator; the real library refuses any
};

struct Library {
  int abi;
  Status (*probe)(const CreateOptions&, Probe& out);
  Status (*create)(const CreateOptions&, std::unique_ptr<Backend>& out);
};

}  // namespace pt::cuda

/// The only symbol that the addon looks for.
extern "C" const pt::cuda::Library* patchtrain_cuda_library();
