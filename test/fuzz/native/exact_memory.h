// Memory of exactly as many bytes as were asked for, so that AddressSanitizer sees the first byte beyond.
#pragma once
#include <cstdlib>
#include <cstring>
#include <memory>

#include "core/region.h"

namespace pt::fuzz {

class ExactRegion final : public Region {
 public:
  static std::shared_ptr<Region> allocate(size_t bytes) {
    void* memory = nullptr;
    if (posix_memalign(&memory, 64, bytes) != 0) std::abort();
    std::memset(memory, 0, bytes);
    return std::shared_ptr<Region>(new ExactRegion(static_cast<std::byte*>(memory), bytes));
  }
  ~ExactRegion() override { std::free(data()); }

 private:
  ExactRegion(std::byte* data, size_t bytes) : Region(data, bytes) {}
};

}  // namespace pt::fuzz
