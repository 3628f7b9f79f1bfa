// Staging: two pinned buffers through which everything passes between host and device. While the device takes one, the
// host fills the other.
#pragma once
#include <cstddef>

#include "core/status.h"
#include "cuda/runtime.h"

namespace pt::cuda {

class Staging {
 public:
  Staging() = default;
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  /// Returns when `from` may change again; the copy itself goes on in stream order.
  Status write(cudaStream_t stream, void* to, const void* from, size_t bytes);
  /// Returns when the bytes are there.
  Status read(cudaStream_t stream, void* to, const void* from, size_t bytes);

 private:
  static constexpr size_t kBytes = size_t{4} << 20;
  struct Buffer {
    std::byte* data = nullptr;
    cudaEvent_t free = nullptr;  // the device has taken what was in it
  };
  /// The buffer that has been at rest longest, once the device is done with it.
  Status next(Buffer*& out);

  Buffer buffers_[2];
  int turn_ = 0;
};

}  // namespace pt::cuda
