// FaultBox: the device's Fault, and how the host comes to know of it: every run copies it out behind its kernels, and
// whoever hears of the run's end looks at the copy. Nothing waits.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/status.h"
#include "cuda/fault.h"
#include "cuda/runtime.h"

namespace pt::cuda {

class FaultBox {
 public:
  FaultBox() = default;
  ~FaultBox();
  FaultBox(const FaultBox&) = delete;
  FaultBox& operator=(const FaultBox&) = delete;

  Status create();
  Fault* device() const { return device_; }

  /// A number for each command that may report, so that the fault names its op whichever plan it came from.
  int32_t number(const char* op);

  /// A pinned copy of the fault as it is when the stream comes to it; give it back to `judge`.
  Status copy_out(cudaStream_t stream, Fault*& copy);
  /// What the copy says, and the copy's end. From any thread.
  Status judge(Fault* copy);

  Status clear(cudaStream_t stream);

 private:
  Fault* device_ = nullptr;
  std::mutex mutex_;
  std::vector<Fault*> blocks_;  // pinned, kBlock each
  std::vector<Fault*> spare_;
  std::vector<const char*> ops_;  // of command i
};

}  // namespace pt::cuda
