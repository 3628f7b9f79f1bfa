// Kernels with a planted bug that the emulator must find, each with a clean twin on which it must stay silent.
#pragma once
#include "cuda/runtime.h"

namespace selftest {

struct PlantedBug {
  const char* name;
  const char* expected;  // the kinds of problem that may be reported, separated by '|'
  /// Launches the kernel, with or without its bug, on memory of its own, and returns what synchronising returned.
  cudaError_t (*run)(bool planted, cudaStream_t stream);
};

extern const PlantedBug kPlantedBugs[];
extern const int kPlantedBugCount;

}  // namespace selftest
