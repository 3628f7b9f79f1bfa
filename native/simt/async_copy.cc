// cp.async. A copy lands as late as the rules allow, at the wait; until then its destination is NaN. So a wait that is
// missing or counts wrong shows in the numbers, and to the checker.
#include "simt/checker.h"
#include "simt/report.h"
#include "simt/shared_memory.h"
#include "simt/stats.h"

namespace simt {

static void land(Thread& t, const Copy& copy, const void* site) {
  Checker* checker = block->checker;
  if (checker) {
    checker->copy_landed(t, copy.to, 16, site);
    if (copy.from) checker->read_global(t, copy.from, 16, site);
  }
  if (copy.from)
    std::memcpy(copy.to, copy.from, 16);
  else
    std::memset(copy.to, 0, 16);
}

void cp_async_16(uint32_t to, const void* from, bool valid) {
  const void* site = __builtin_return_address(0);
  block->maybe_yield();
  block->stats.cp_async++;
  Thread& t = block->current();
  t.site = site;
  unsigned char* destination = block->shared->at(to, 16, 16, "cp.async");
  if (reinterpret_cast<uintptr_t>(from) % 16 != 0)
    report("misaligned", "cp.async from %p, which is not a multiple of 16", from);
  if (Checker* checker = block->checker) {
    if (valid) checker->read_global(t, from, 16, site);
    checker->copy_started(t, destination, 16, site);
  }
  std::memset(destination, 0xff, 16);
  t.open_copies.push_back({destination, valid ? from : nullptr});
}

void cp_async_commit() {
  Thread& t = block->current();
  t.committed_copies.push_back(std::move(t.open_copies));
  t.open_copies.clear();
}

void cp_async_wait(int groups_under_way) {
  const void* site = __builtin_return_address(0);
  Thread& t = block->current();
  while (static_cast<int>(t.committed_copies.size()) > groups_under_way) {
    for (const Copy& copy : t.committed_copies.front()) land(t, copy, site);
    t.committed_copies.pop_front();
  }
  block->maybe_yield();
}

}  // namespace simt
