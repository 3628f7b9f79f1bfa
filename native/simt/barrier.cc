#include "simt/barrier.h"

#include "simt/report.h"
#include "simt/stats.h"

namespace simt {

static void release(Block& b) {
  b.barrier.arrived = 0;
  b.barrier.completed++;
  b.stats.barriers++;
  for (Warp& warp : b.warps) {
    warp.clock_at_barrier = ++warp.clock;
    warp.runnable = warp.alive;  // all of them waited here
  }
}

void thread_ended(Block& b) {
  if (b.barrier.arrived > 0 && b.barrier.arrived == b.alive()) release(b);
}

void sync_block(int line) {
  Block& b = *block;
  b.maybe_yield();
  Barrier& barrier = b.barrier;
  if (barrier.arrived == 0)
    barrier.line = line;
  else if (barrier.line != line)
    report("divergence", "threads of one block meet in the sync_block of line %d and in that of line %d", barrier.line,
           line);
  if (++barrier.arrived == b.alive())
    release(b);
  else
    b.wait("sync_block", __builtin_return_address(0));
}

}  // namespace simt
