// Kernels are compiled with -fsanitize=thread, which puts a call before each memory access; this file is what they
// call. ThreadSanitizer's own library is not linked. This file itself must not be compiled with that flag.
#include "simt/checker.h"

static inline void access(const void* p, size_t bytes, bool write, const void* site) {
  if (simt::block != nullptr && simt::block->checker != nullptr) simt::block->checker->access(p, bytes, write, site);
}

static inline void access_aligned(const void* p, size_t bytes, bool write, const void* site) {
  if (reinterpret_cast<uintptr_t>(p) % bytes != 0 && simt::block != nullptr) simt::report_misaligned(p, bytes);
  access(p, bytes, write, site);
}

#define HOOKS(n)                                                                                      \
  void __tsan_read##n(void* p) { access_aligned(p, n, false, __builtin_return_address(0)); }          \
  void __tsan_write##n(void* p) { access_aligned(p, n, true, __builtin_return_address(0)); }          \
  void __tsan_volatile_read##n(void* p) { access_aligned(p, n, false, __builtin_return_address(0)); } \
  void __tsan_volatile_write##n(void* p) { access_aligned(p, n, true, __builtin_return_address(0)); } \
  void __tsan_unaligned_read##n(void* p) { access(p, n, false, __builtin_return_address(0)); }        \
  void __tsan_unaligned_write##n(void* p) { access(p, n, true, __builtin_return_address(0)); }

extern "C" {
HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)
void __tsan_read_range(void* p, size_t bytes) { access(p, bytes, false, __builtin_return_address(0)); }
void __tsan_write_range(void* p, size_t bytes) { access(p, bytes, true, __builtin_return_address(0)); }
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_init() {}
}
