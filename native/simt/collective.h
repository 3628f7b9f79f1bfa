// Instructions that a whole warp executes together: the lanes gather, and the last to arrive executes for all. That
// orders no memory accesses; only sync_warp does.
#pragma once
#include "simt/block.h"

namespace simt {

/// Enters the calling lane. True in the last of the 32, which must then execute and call leave_together(); the others
/// return false when that is done.
bool arrive_together(const char* instruction, void* argument, const void* site);
void leave_together();

/// `execute(arguments)` runs once for the warp, with what each lane gave.
template <class Argument, class Execute>
void for_the_warp(const char* instruction, Argument& argument, const void* site, Execute execute) {
  if (!arrive_together(instruction, &argument, site)) return;
  const Gather& gather = block->warps[block->current().warp].gather;
  Argument* arguments[kWarpSize];
  for (int lane = 0; lane < kWarpSize; lane++) arguments[lane] = static_cast<Argument*>(gather.arguments[lane]);
  execute(arguments);
  leave_together();
}

}  // namespace simt
