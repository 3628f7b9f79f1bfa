// Machine: one emulated computer with its devices. Each configure() of a thread makes a new one; the streams that the
// thread creates afterwards belong to it. So several can live in one process, each with options of its own.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "simt/options.h"

namespace simt {

struct Machine {
  Options options;
  size_t memory_used = 0;
  int64_t launches = 0;
  int error = 0;  // a cudaError_t: once a kernel has failed every further call does, as on a device
  std::string report;
};

/// The calling thread's.
const std::shared_ptr<Machine>& machine();

/// A new machine for the calling thread. Null, or what is wrong with the options; the machine is then the old one.
const char* configure(const char* options);

/// Held through every call of the runtime: kernels of different machines take turns.
std::recursive_mutex& machine_lock();

}  // namespace simt
