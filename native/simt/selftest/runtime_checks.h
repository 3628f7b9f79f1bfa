// Checks of the stand-in for the CUDA runtime: what host code may rely on, and what it must be told.
#pragma once
#include <string>

namespace selftest {

struct RuntimeCheck {
  const char* name;
  std::string (*run)();  // "", or what went wrong
};

extern const RuntimeCheck kRuntimeChecks[];
extern const int kRuntimeCheckCount;

}  // namespace selftest
