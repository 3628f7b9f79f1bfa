// Region: one allocation, zero-filled. A run has a handful (weights, gradients, activations …); tensors are windows
// into them. Pages become resident when first touched, so a plan can be recorded and priced for a model that would
// never fit on this host.
#pragma once
#include <cstddef>
#include <memory>

#include "core/status.h"

namespace pt {

class Region {
 public:
  static Status allocate(size_t bytes, std::shared_ptr<Region>& out);
  ~Region();
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;

  std::byte* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  Region(std::byte* data, size_t bytes, void* mapping, size_t mapped)
      : data_(data), bytes_(bytes), mapping_(mapping), mapped_(mapped) {}

  std::byte* data_;
  size_t bytes_;
  void* mapping_;
  size_t mapped_;
};

}  // namespace pt
