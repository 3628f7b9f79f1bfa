// sync_warp, shuffles, ballots.
#include "simt/collective.h"
#include "simt/stats.h"

namespace simt {

int lane_id() { return block->current().lane; }

void sync_warp() {
  int nothing = 0;
  for_the_warp("sync_warp", nothing, __builtin_return_address(0),
               [](int**) { block->warps[block->current().warp].clock++; });
}

uint32_t shuffle(uint32_t value, int source_lane) {
  struct Lane {
    uint32_t value;
    int source;
    uint32_t result;
  } mine = {value, source_lane, 0};
  for_the_warp("shuffle", mine, __builtin_return_address(0), [](Lane** lanes) {
    block->stats.shuffles++;
    for (int i = 0; i < kWarpSize; i++) lanes[i]->result = lanes[lanes[i]->source & (kWarpSize - 1)]->value;
  });
  return mine.result;
}

uint32_t ballot(bool predicate) {
  struct Lane {
    bool predicate;
    uint32_t result;
  } mine = {predicate, 0};
  for_the_warp("ballot", mine, __builtin_return_address(0), [](Lane** lanes) {
    uint32_t votes = 0;
    for (int i = 0; i < kWarpSize; i++) votes |= static_cast<uint32_t>(lanes[i]->predicate) << i;
    for (int i = 0; i < kWarpSize; i++) lanes[i]->result = votes;
  });
  return mine.result;
}

}  // namespace simt
