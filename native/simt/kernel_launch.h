// One launch of a kernel: everything the stream needs to run it later.
#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "simt/vector_types.h"

namespace simt {

struct Allocation;
struct Machine;

/// A tensor, as the host describes it to the checker: finer bounds than those of an allocation.
struct Span {
  const void* data;
  size_t bytes;
  bool has_contents;  // false: holds nothing yet that a kernel may read
  bool writable;
};

struct KernelLaunch {
  const void* kernel;  // the function that the host named
  dim3 grid, block;
  size_t shared_bytes;
  std::function<void()> body;              // what each thread runs
  std::vector<const void*> pointers = {};  // the arguments; null for those that are not pointers
  std::vector<Span> spans = {};            // all that it may touch; none: whatever is allocated

  /// Of the kernel, without its arguments; "a kernel" where the object hides it.
  std::string name() const;
  /// "argument 2, an allocation of 4096 bytes", counted from 0.
  std::string describe(const Allocation& allocation) const;
};

/// Null, or what CUDA (or the emulator) would not accept about it.
const char* refuse(const KernelLaunch& launch, const Machine& machine);

/// Runs all blocks; false, with a report, when something is wrong with the kernel.
bool run(const KernelLaunch& launch, Machine& machine);

/// In a build with translated PTX: the function that runs it for a kernel, or null.
using PtxKernel = void (*)(const void* const* arguments);
PtxKernel find_ptx(const void* kernel);

}  // namespace simt
