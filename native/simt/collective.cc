#include "simt/collective.h"

#include "simt/report.h"

namespace simt {

bool arrive_together(const char* instruction, void* argument, const void* site) {
  block->maybe_yield();
  const Thread& t = block->current();
  Gather& gather = block->warps[t.warp].gather;
  if (gather.arrived == 0)
    gather.instruction = instruction;
  else if (gather.instruction != instruction)  // the same text is the same pointer: each is named in one place
    report("divergence", "lanes of one warp meet in %s and in %s", gather.instruction, instruction);
  gather.arguments[t.lane] = argument;
  gather.arrived |= 1u << t.lane;
  if (gather.arrived == kFullMask) return true;
  block->wait(instruction, site);
  return false;
}

void leave_together() {
  const Thread& t = block->current();
  block->warps[t.warp].gather.arrived = 0;
  block->wake(t.warp, kFullMask);
}

}  // namespace simt
