#include "simt/block.h"

#include <map>

#include "simt/barrier.h"
#include "simt/report.h"

namespace simt {

__thread const Place* here;
__thread Block* block;

Block::Block(const Options& options, const KernelLaunch& launch, std::vector<std::unique_ptr<Thread>>& threads,
             Stats& stats)
    : stats(stats),
      policy_(options.policy),
      random_(options.seed),
      launch_(launch),
      thread_count_(static_cast<int>(launch.block.x * launch.block.y * launch.block.z)),
      threads_(threads) {}

bool Block::run(uint3 index) {
  warps.assign(thread_count_ / kWarpSize, Warp{});
  for (Warp& warp : warps) {
    warp.runnable = warp.alive = kFullMask;
    warp.clock = 1;  // a clock of 0 marks memory that no thread has touched
    warp.priority = random_.next();
  }
  barrier = {};
  alive_ = thread_count_;
  for (int id = 0; id < thread_count_; id++) {
    const unsigned n = static_cast<unsigned>(id), x = launch_.block.x, y = launch_.block.y;
    Thread& t = *threads_[id];
    static_cast<Place&>(t) = {{n % x, n / x % y, n / x / y}, index, launch_.block, launch_.grid};
    t.id = id;
    t.lane = id % kWarpSize;
    t.warp = id / kWarpSize;
    t.waits_in = nullptr;
    t.site = nullptr;
    t.open_copies.clear();
    t.committed_copies.clear();
    t.fiber.begin(&Block::thread_main);
  }
  block = this;
  current_ = threads_[0].get();
  current_ = choose();
  here = current_;
  Fiber::switch_to(outside_, current_->fiber);
  block = nullptr;
  here = nullptr;
  return !failed_;
}

void Block::thread_main() {
  Block& b = *block;
  b.launch_.body();
  Thread& t = *b.current_;
  if (!t.open_copies.empty() || !t.committed_copies.empty())
    report_at(source_location(t.site), "unfinished copies", "the thread ended with cp.async copies under way");
  Warp& warp = b.warps[t.warp];
  warp.alive &= ~(1u << t.lane);
  warp.runnable &= ~(1u << t.lane);
  b.alive_--;
  thread_ended(b);
  b.resume(b.alive_ > 0 ? b.choose() : nullptr, true);
}

void Block::wait(const char* instruction, const void* site) {
  Thread& t = *current_;
  t.waits_in = instruction;
  t.site = site;
  warps[t.warp].runnable &= ~(1u << t.lane);
  resume(choose(), false);
  t.waits_in = nullptr;
}

void Block::yield() { resume(choose(), false); }

void Block::resume(Thread* next, bool done) {
  Thread* from = current_;
  if (next == from) return;
  if (next == nullptr) {
    if (alive_ > 0) report_deadlock();
    Fiber::switch_to(from->fiber, outside_, true);
  }
  current_ = next;
  here = next;
  Fiber::switch_to(from->fiber, next->fiber, done);
}

void Block::abandon() {
  failed_ = true;
  Fiber::switch_to(current_->fiber, outside_, true);
  __builtin_unreachable();
}

/// The next thread to run, or null when all wait.
Thread* Block::choose() {
  const int count = static_cast<int>(warps.size());
  int chosen = -1;
  if (policy_ == Policy::pct) {
    for (int w = 0; w < count; w++)
      if (warps[w].runnable && (chosen < 0 || warps[w].priority > warps[chosen].priority)) chosen = w;
    if (chosen >= 0 && random_.below(64) == 0) warps[chosen].priority = random_.next();
  } else {
    const int first = policy_ == Policy::random ? static_cast<int>(random_.below(count)) : current_->warp;
    for (int i = 0; i < count && chosen < 0; i++)
      if (warps[(first + i) % count].runnable) chosen = (first + i) % count;
  }
  if (chosen < 0) return nullptr;
  const uint32_t runnable = warps[chosen].runnable;
  int lane = __builtin_ctz(runnable);
  if (policy_ != Policy::sequential) {
    const int turn = static_cast<int>(random_.below(kWarpSize));
    const uint32_t turned = turn == 0 ? runnable : runnable >> turn | runnable << (kWarpSize - turn);
    lane = (__builtin_ctz(turned) + turn) % kWarpSize;
  }
  return threads_[chosen * kWarpSize + lane].get();
}

void Block::report_deadlock() {
  std::map<std::string, int> lanes;  // of each group that waits in the same place, or has ended
  const Thread* first = nullptr;
  for (int id = 0; id < thread_count_; id++) {
    const Thread& t = *threads_[id];
    if (warps[t.warp].alive == 0) continue;
    const bool ended = (warps[t.warp].alive >> t.lane & 1) == 0;
    if (!ended && !first) first = &t;
    const std::string what =
        ended ? " have ended" : std::string(" wait in ") + t.waits_in + " at " + source_location(t.site);
    lanes["lanes of warp " + std::to_string(t.warp) + what]++;
  }
  std::string text;
  for (const auto& [group, count] : lanes) text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + group;
  report_at(source_location(first->site), "deadlock", "no thread can go on: %s", text.c_str());
}

}  // namespace simt
