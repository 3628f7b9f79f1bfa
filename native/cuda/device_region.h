// DeviceRegion: memory of a CUDA device, zero-filled.
#pragma once
#include <memory>

#include "core/region.h"
#include "core/status.h"

namespace pt::cuda {

class DeviceRegion final : public Region {
 public:
  static Status allocate(int device, size_t bytes, std::shared_ptr<Region>& out);
  ~DeviceRegion() override;

 private:
  DeviceRegion(int device, std::byte* data, size_t bytes) : Region(data, bytes), device_(device) {}
  int device_;
};

}  // namespace pt::cuda
