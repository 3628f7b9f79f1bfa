// Options of an emulated machine, written as one string: "policy=pct seed=7 check memory=67108864".
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace simt {

/// In which order the threads of a block run. Each finds what the others miss (see README).
enum class Policy {
  sequential,  // a thread runs until it must wait; then the next lane of its warp
  random,      // any thread that can run
  pct,         // warps by random priorities, now and then changed: whole warps run far ahead of others
};

struct Options {
  Policy policy = Policy::sequential;
  uint64_t seed = 1;
  bool check = false;  // races, bounds, uninitialised reads; needs kernels compiled with -fsanitize=thread
  bool ptx = false;    // run the translated PTX of each kernel in place of its source
  bool stats = false;  // append a JSON line for each launch to the file that PATCHTRAIN_SIMT_STATS names
  int devices = 1;
  int capability_major = 8, capability_minor = 0;
  size_t shared = 166912;  // bytes a block may ask for: those of an A100
  size_t memory = size_t{4} << 30;
  int driver = 13000;
  int64_t fail_launch = 0;  // this launch and all after it fail, counted from 1: a device that disappears
};

/// Null, or what is wrong with the text; `options` are then as before.
const char* parse(const char* text, Options& options);

}  // namespace simt
