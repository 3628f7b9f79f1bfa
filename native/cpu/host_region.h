// HostRegion: memory of this process. Pages become resident when first touched, so a plan can be recorded and priced
// for a model that would never fit on this host.
#pragma once
#include <memory>

#include "core/region.h"
#include "core/status.h"

namespace pt {

class HostRegion final : public Region {
 public:
  static Status allocate(size_t bytes, std::shared_ptr<Region>& out);
  ~HostRegion() override;

 private:
  HostRegion(std::byte* data, size_t bytes, void* mapping, size_t mapped)
      : Region(data, bytes), mapping_(mapping), mapped_(mapped) {}

  void* mapping_;
  size_t mapped_;
};

}  // namespace pt
