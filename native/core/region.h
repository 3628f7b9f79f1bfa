// Region: one allocation on a device, zero-filled. A run has a handful (weights, gradients, activations …); tensors are
// windows into them.
#pragma once
#include <cstddef>

namespace pt {

class Region {
 public:
  virtual ~Region() = default;
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;

  /// An address of the device: only its kernels, and the backend that made the region, may follow it.
  std::byte* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 protected:
  Region(std::byte* data, size_t bytes) : data_(data), bytes_(bytes) {}

 private:
  std::byte* data_;
  size_t bytes_;
};

}  // namespace pt
