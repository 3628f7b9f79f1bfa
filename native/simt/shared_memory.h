// The shared memory of the running block: a window of 32-bit addresses of exactly the size that the launch asked for.
#pragma once
#include <cstddef>
#include <cstdint>

namespace simt {

class SharedMemory {
 public:
  /// Where the window begins. Not zero, so that an offset mistaken for an address is noticed; a multiple of 1024, as
  /// PT_SHARED promises.
  static constexpr uint32_t kBase = 0x400;
  static constexpr size_t kMaxBytes = size_t{1} << 20;

  explicit SharedMemory(size_t bytes);

  /// NaN in every format: the start of each block, as nothing may be expected of what is there.
  void fill_with_nan();

  unsigned char* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  size_t offset(const void* p) const { return static_cast<size_t>(static_cast<const unsigned char*>(p) - data_); }
  /// Within the window, or so close to it that no other memory can be meant.
  bool is_near(const void* p) const { return offset(p) + kMargin < 2 * kMargin; }

  /// Follows a shared address; reports an access that is misaligned or leaves the window.
  unsigned char* at(uint32_t address, size_t bytes, size_t alignment, const char* instruction) const;

 private:
  static constexpr size_t kMargin = size_t{64} << 20;

  unsigned char* data_;
  size_t bytes_;
};

}  // namespace simt
