#include "simt/checker.h"

#include "simt/report.h"
#include "simt/shared_memory.h"

namespace simt {

static const char* verb(bool write) { return write ? "write" : "read"; }

Checker::Checker(Block& block, SharedMemory& shared)
    : block_(block),
      shared_memory_(shared),
      memory_(device_memory()),
      global_shadow_(global_shadow()),
      first_block_(global_shadow_.blocks + 1),
      this_block_(first_block_) {}

void Checker::begin_block() {
  this_block_ = ++global_shadow_.blocks;
  shared_shadow_.reset(shared_memory_.bytes());
}

// ---- what orders what --------------------------------------------------------------------------------------------

Checker::Request Checker::request(const Thread& t, const void* p, size_t bytes, bool write, By by,
                                  const void* site) const {
  const uint32_t clock = block_.warps[t.warp].clock;
  if (clock > Epoch::kMaxWhen)
    report("too long", "the checker counts %u sync_warps and sync_blocks a block", Epoch::kMaxWhen);
  return {t, p, bytes, write, Epoch::of(by, t.id, clock), site};
}

/// Whether an access of this block happened before all that thread t does from now on.
inline bool Checker::ordered(const Epoch& before, const Thread& t) const {
  if (before.none()) return true;
  if (before.by() == By::block) return before.when() < block_.barrier.completed;
  if (before.by() == By::blocks) return false;
  if (before.by() != By::warp && before.who() == t.id) return true;
  const int warp = before.who() / kWarpSize;
  const Warp& w = block_.warps[warp];
  return before.when() < (warp == t.warp ? w.clock : w.clock_at_barrier);
}

/// Checks an access against the last ones of this block and takes its place.
inline void Checker::update(Cell& cell, const Request& r) {
  const Access mine = {r.now, static_cast<uint32_t>(reinterpret_cast<uintptr_t>(r.site))};
  const bool both_atomic = r.now.by() == By::atomic && cell.write.epoch.by() == By::atomic;
  if (!both_atomic && !ordered(cell.write.epoch, r.thread)) report_race(r, cell.write, true);
  Epoch& read = cell.read.epoch;
  if (r.write) {
    if (!ordered(read, r.thread)) report_race(r, cell.read, false);
    cell.write = mine;
    cell.read = {};
  } else if (ordered(read, r.thread)) {
    cell.read = mine;
  } else if (read.by() != By::block && read.by() != By::blocks) {
    const bool same_warp = read.who() / kWarpSize == r.thread.warp;
    read = same_warp ? Epoch::of(By::warp, r.thread.id, r.now.when())
                     : Epoch::of(By::block, r.thread.id, block_.barrier.completed);
    cell.read.site = mine.site;
  }
}

// ---- the two memories --------------------------------------------------------------------------------------------

void Checker::access(const void* p, size_t bytes, bool write, const void* site) {
  if (shared_memory_.is_near(p))
    shared(request(block_.current(), p, bytes, write, By::thread, site), kInitialised);
  else if (memory_.contains(p))
    global(request(block_.current(), p, bytes, write, By::thread, site));
  else if (reinterpret_cast<uintptr_t>(p) < 4096)
    report("outside global memory", "a %s of %zu bytes at address %p", verb(write), bytes, p);
}

void Checker::shared(const Request& r, uint8_t new_state) {
  const size_t offset = shared_memory_.offset(r.address);
  if (offset + r.bytes > shared_memory_.bytes() || offset > shared_memory_.bytes())
    report("outside shared memory", "a %s of %zu bytes at byte %lld of the %zu bytes that the launch asked for",
           verb(r.write), r.bytes, static_cast<long long>(offset), shared_memory_.bytes());
  for (size_t i = first_grain(offset); i < end_grain(offset, r.bytes); i++) {
    uint8_t& state = shared_shadow_.state[i];
    Cell& cell = shared_shadow_.cells[i];
    if ((state & kCopyUnderWay) != 0 && new_state != 0)
      report("copy under way", "a %s of shared byte %zu, which a cp.async of thread %d (%s) is still writing",
             verb(r.write), i * kGrain, cell.write.epoch.who(), source_location_near(r.site, cell.write.site).c_str());
    if ((!r.write || r.now.by() == By::atomic) && (state & kInitialised) == 0)
      report("uninitialised shared memory",
             "a read of shared byte %zu, which no thread of the block has written so far", i * kGrain);
    update(cell, r);
    if (r.write) state = new_state;
  }
}

/// Blocks of one launch run in any order, so they may share memory only to read it, or by atomics.
inline void Checker::check_between_blocks(GlobalCell& g, const Request& r) {
  if (g.write_block < first_block_) g.cell.write = {};  // of an earlier launch, which has ended
  if (g.read_block < first_block_) g.cell.read = {};
  const bool other_wrote = !g.cell.write.epoch.none() && g.write_block != this_block_;
  const bool other_read =
      !g.cell.read.epoch.none() && (g.read_block != this_block_ || g.cell.read.epoch.by() == By::blocks);
  if (other_wrote) {
    if (r.now.by() != By::atomic || g.cell.write.epoch.by() != By::atomic) report_between_blocks(r, g.cell.write, true);
    g.cell.write = {};
  }
  if (other_read) {
    if (r.write) report_between_blocks(r, g.cell.read, false);
    g.cell.read.epoch = Epoch::of(By::blocks, 0, 0);
  }
}

/// The access must lie in one of the tensors that the host named.
void Checker::check_spans(const Request& r) {
  const std::vector<Span>& spans = block_.launch().spans;
  const auto* first = static_cast<const unsigned char*>(r.address);
  const auto holds = [&](const Span& span) {
    const auto* data = static_cast<const unsigned char*>(span.data);
    return first >= data && first + r.bytes <= data + span.bytes;
  };
  if (last_span_ < spans.size() && holds(spans[last_span_]) && (!r.write || spans[last_span_].writable)) return;
  for (last_span_ = 0; last_span_ < spans.size(); last_span_++) {
    if (!holds(spans[last_span_])) continue;
    if (r.write && !spans[last_span_].writable)
      report("write to an input", "a write of %zu bytes at byte %zu of tensor %zu, which the op only reads", r.bytes,
             static_cast<size_t>(first - static_cast<const unsigned char*>(spans[last_span_].data)), last_span_);
    return;
  }
  report_outside_spans(r);
}

void Checker::global(const Request& r) {
  if (!memory_.holding(r.address, r.bytes)) report_outside(r);
  if (!block_.launch().spans.empty()) check_spans(r);
  const size_t offset = memory_.offset(r.address);
  if ((!r.write || r.now.by() == By::atomic) && !global_shadow_.is_initialised(offset, r.bytes))
    report("uninitialised global memory", "a read of %zu bytes at %s, which nobody has written so far", r.bytes,
           describe_address(r.address).c_str());
  for (size_t i = first_grain(offset); i < end_grain(offset, r.bytes); i++) {
    GlobalCell& g = global_shadow_.cells[i];
    check_between_blocks(g, r);
    update(g.cell, r);
    (r.write ? g.write_block : g.read_block) = this_block_;
    if (r.write) global_shadow_.state[i] = kInitialised;
  }
}

void Checker::read_shared(const Thread& t, const void* p, size_t bytes, const void* site) {
  shared(request(t, p, bytes, false, By::thread, site), kInitialised);
}

void Checker::read_global(const Thread& t, const void* p, size_t bytes, const void* site) {
  global(request(t, p, bytes, false, By::thread, site));
}

void Checker::atomic(const Thread& t, const void* p, size_t bytes, const void* site) {
  const Request r = request(t, p, bytes, true, By::atomic, site);
  if (shared_memory_.is_near(p)) return shared(r, kInitialised);
  global(r);
}

void Checker::copy_started(const Thread& t, const void* to, size_t bytes, const void* site) {
  shared(request(t, to, bytes, true, By::thread, site), kCopyUnderWay);
}

void Checker::copy_landed(const Thread& t, const void* to, size_t bytes, const void* site) {
  const size_t first = shared_memory_.offset(to) / kGrain;
  for (size_t i = first; i < first + bytes / kGrain; i++) shared_shadow_.state[i] = 0;
  shared(request(t, to, bytes, true, By::thread, site), kInitialised);
}

// ---- what is said ------------------------------------------------------------------------------------------------

void Checker::report_race(const Request& r, const Access& other, bool other_wrote) {
  const bool in_shared = shared_memory_.is_near(r.address);
  const Epoch& epoch = other.epoch;
  const std::string who = epoch.by() == By::warp    ? "lanes of warp " + std::to_string(epoch.who() / kWarpSize)
                          : epoch.by() == By::block ? "several warps"
                                                    : "thread " + std::to_string(epoch.who());
  report(in_shared ? "race in shared memory" : "race in global memory",
         "%s %s of %s; nothing orders it after the %s by %s at %s", r.now.by() == By::atomic ? "an atomic" : "a",
         verb(r.write), describe_address(r.address).c_str(), verb(other_wrote), who.c_str(),
         source_location_near(r.site, other.site).c_str());
}

void Checker::report_between_blocks(const Request& r, const Access& other, bool other_wrote) {
  report("race between blocks", "a %s of %s; another block of the launch has a %s of it at %s", verb(r.write),
         describe_address(r.address).c_str(), verb(other_wrote), source_location_near(r.site, other.site).c_str());
}

void Checker::report_outside(const Request& r) {
  report("outside global memory", "a %s of %zu bytes at %s", verb(r.write), r.bytes,
         describe_address(r.address).c_str());
}

/// Says how far from the nearest tensor before it.
void Checker::report_outside_spans(const Request& r) {
  const auto* first = static_cast<const unsigned char*>(r.address);
  const std::vector<Span>& spans = block_.launch().spans;
  const Span* nearest = nullptr;
  for (const Span& span : spans)
    if (first >= span.data && (!nearest || span.data > nearest->data)) nearest = &span;
  if (!nearest) report("outside its tensors", "a %s of %zu bytes before all tensors of the op", verb(r.write), r.bytes);
  report("outside its tensors", "a %s of %zu bytes at byte %zu of tensor %zu, which has %zu", verb(r.write), r.bytes,
         static_cast<size_t>(first - static_cast<const unsigned char*>(nearest->data)),
         static_cast<size_t>(nearest - spans.data()), nearest->bytes);
}

std::string Checker::describe_address(const void* p) const {
  if (shared_memory_.is_near(p)) return "shared byte " + std::to_string(shared_memory_.offset(p));
  const Allocation* a = memory_.near(p);
  if (!a) return "an address that belongs to no allocation (freed, perhaps)";
  const auto offset = static_cast<const unsigned char*>(p) - a->data;
  return "byte " + std::to_string(offset) + " of " + block_.launch().describe(*a);
}

}  // namespace simt
