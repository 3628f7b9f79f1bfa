#include "simt/shared_memory.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "simt/block.h"
#include "simt/report.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes)
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes)
#endif

namespace simt {

/// For all launches: the window, between stretches of address space that hold nothing.
static unsigned char* window(size_t margin) {
  void* p = mmap(nullptr, 2 * margin, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) std::abort();
  unsigned char* data = static_cast<unsigned char*>(p) + margin;
  mprotect(data, SharedMemory::kMaxBytes, PROT_READ | PROT_WRITE);
  return data;
}

SharedMemory::SharedMemory(size_t bytes) : bytes_(bytes) {
  static unsigned char* const the_window = window(kMargin);
  data_ = the_window;
  ASAN_POISON_MEMORY_REGION(data_, kMaxBytes);
  ASAN_UNPOISON_MEMORY_REGION(data_, bytes);
}

void SharedMemory::fill_with_nan() { std::memset(data_, 0xff, bytes_); }

unsigned char* SharedMemory::at(uint32_t address, size_t bytes, size_t alignment, const char* instruction) const {
  if (address % alignment != 0)
    report("misaligned", "%s at shared address 0x%x, which is not a multiple of %zu", instruction, address, alignment);
  const size_t offset = address - kBase;
  if (address < kBase || offset + bytes > bytes_)
    report("outside shared memory", "%s of %zu bytes at byte %lld of the %zu bytes that the launch asked for",
           instruction, bytes, static_cast<long long>(address) - kBase, bytes_);
  return data_ + offset;
}

unsigned char* shared_memory() { return block->shared->data(); }

uint32_t shared_address(const void* p) { return SharedMemory::kBase + static_cast<uint32_t>(block->shared->offset(p)); }

}  // namespace simt
