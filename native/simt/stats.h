// What a launch executed, each instruction counted once a warp (cp.async once a thread).
#pragma once
#include <cstdint>

namespace simt {

struct Stats {
  uint64_t blocks = 0;
  uint64_t mma = 0;
  uint64_t ldmatrix = 0;
  uint64_t ldmatrix_conflicts = 0;  // 8×8 matrices whose rows share a bank: each costs extra cycles
  uint64_t cp_async = 0;
  uint64_t shuffles = 0;
  uint64_t barriers = 0;  // sync_block, once a block
};

}  // namespace simt
