// Block: the state of the one thread block that runs now, and who of its threads runs next. One fiber a thread; threads
// hand over to each other only where they wait, or (policy random and pct) at any instruction of device.h.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "simt/device.h"
#include "simt/fiber.h"
#include "simt/kernel_launch.h"
#include "simt/options.h"

namespace simt {

class Checker;
class SharedMemory;
struct Stats;

constexpr int kWarpSize = 32;
constexpr uint32_t kFullMask = 0xffffffffu;

/// 16 bytes on their way from global to shared memory.
struct Copy {
  unsigned char* to;
  const void* from;  // null: zeros
};
using CopyGroup = std::vector<Copy>;

struct Thread : Place {
  Fiber fiber;
  int id, lane, warp;
  const char* waits_in;  // the instruction it waits in, or null
  const void* site;      // of its last wait or cp.async: a return address
  CopyGroup open_copies;
  std::deque<CopyGroup> committed_copies;
};

/// The lanes of a warp that have arrived at a warp-wide instruction.
struct Gather {
  const char* instruction;
  uint32_t arrived;  // a bit a lane
  void* arguments[kWarpSize];
};

struct Warp {
  uint32_t runnable, alive;  // a bit a lane
  Gather gather;
  uint32_t clock;             // counts what orders the accesses of its lanes: sync_warp and sync_block
  uint32_t clock_at_barrier;  // as of the last sync_block
  uint32_t priority;          // for Policy::pct
};

struct Barrier {
  int arrived;
  int line;            // where the first thread arrived
  uint32_t completed;  // sync_blocks of this block so far
};

/// xorshift64*: the same numbers on every machine.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ull + 1) {}
  uint32_t next() {
    state_ ^= state_ >> 12, state_ ^= state_ << 25, state_ ^= state_ >> 27;
    return static_cast<uint32_t>((state_ * 0x2545f4914f6cdd1dull) >> 32);
  }
  uint32_t below(uint32_t n) { return static_cast<uint32_t>((uint64_t{next()} * n) >> 32); }

 private:
  uint64_t state_;
};

class Block {
 public:
  /// `threads` holds at least as many as a block of the launch has.
  Block(const Options& options, const KernelLaunch& launch, std::vector<std::unique_ptr<Thread>>& threads,
        Stats& stats);

  /// Runs all threads to their end; false when a problem was reported, and the threads were abandoned.
  bool run(uint3 index);

  // ---- for the instructions, on the fiber of the calling thread

  /// Policies other than sequential may let another thread go first.
  void maybe_yield() {
    if (policy_ != Policy::sequential && random_.below(8) == 0) yield();
  }
  /// Until the running thread was woken.
  void wait(const char* instruction, const void* site);
  void wake(int warp, uint32_t lanes) { warps[warp].runnable |= lanes; }
  /// Drops all threads where they are.
  [[noreturn]] void abandon();

  Thread& current() { return *current_; }
  Thread& thread(int id) { return *threads_[id]; }
  int thread_count() const { return thread_count_; }
  int alive() const { return alive_; }
  const KernelLaunch& launch() const { return launch_; }

  std::vector<Warp> warps;
  Barrier barrier;
  SharedMemory* shared = nullptr;
  Checker* checker = nullptr;
  Stats& stats;

 private:
  static void thread_main();
  void yield();
  Thread* choose();
  void resume(Thread* next, bool done);
  [[noreturn]] void report_deadlock();

  const Policy policy_;
  Random random_;
  const KernelLaunch& launch_;
  const int thread_count_;
  int alive_ = 0;
  bool failed_ = false;
  Thread* current_ = nullptr;
  Fiber outside_;  // of the OS thread that runs the launch
  std::vector<std::unique_ptr<Thread>>& threads_;
};

/// The block whose thread is running; null outside of kernels.
extern __thread Block* block __attribute__((tls_model("initial-exec")));

}  // namespace simt
