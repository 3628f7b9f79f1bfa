#include "core/pool.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

namespace pt {

static void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

constexpr int kSpins = 2000;  // about 30 µs

Pool::Pool(int count) {
  for (int worker = 1; worker < count; worker++) helpers_.emplace_back([this, worker] { help(worker); });
}

Pool::~Pool() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_.store(true);
  }
  wake_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
}

void Pool::run(int64_t tasks, Task task, const void* context) {
  if (tasks <= 0) return;
  if (tasks == 1 || helpers_.empty()) {
    for (int64_t i = 0; i < tasks; i++) task(context, i, 0);
    return;
  }
  tasks_.store(tasks, std::memory_order_relaxed);
  task_.store(task, std::memory_order_relaxed);
  context_.store(context, std::memory_order_relaxed);
  finished_.store(0, std::memory_order_relaxed);
  const uint64_t job = (cursor_.load(std::memory_order_relaxed) >> kTaskBits) + 1;
  cursor_.store(job << kTaskBits | static_cast<uint64_t>(tasks));  // seq_cst: ordered against the read of sleepers_
  if (sleepers_.load() > 0) {
    { std::lock_guard<std::mutex> lock(mutex_); }
    wake_.notify_all();
  }
  work(job, 0);
  for (int spins = 0; finished_.load(std::memory_order_acquire) != tasks; spins++) {
    if (spins < kSpins)
      pause();
    else
      std::this_thread::yield();  // a helper holds the last task and may have lost its core
  }
}

void Pool::work(uint64_t job, int worker) {
  uint64_t seen = cursor_.load(std::memory_order_acquire);
  while (seen >> kTaskBits == (job & (~uint64_t{0} >> kTaskBits)) && (seen & kTaskMask) != 0) {
    if (!cursor_.compare_exchange_weak(seen, seen - 1, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
    // The claimed task keeps the job alive, so its description is still there to read.
    const int64_t index = tasks_.load(std::memory_order_relaxed) - static_cast<int64_t>(seen & kTaskMask);
    task_.load(std::memory_order_relaxed)(context_.load(std::memory_order_relaxed), index, worker);
    finished_.fetch_add(1, std::memory_order_release);
    seen = cursor_.load(std::memory_order_acquire);
  }
}

/// The number of a job other than `last`, or `last` itself when the pool stops.
uint64_t Pool::wait_for_job(uint64_t last) {
  const auto current = [this] { return cursor_.load(std::memory_order_acquire) >> kTaskBits; };
  for (int spins = 0; spins < kSpins; spins++) {
    if (current() != last) return current();
    pause();
  }
  std::unique_lock<std::mutex> lock(mutex_);
  sleepers_.fetch_add(1);
  wake_.wait(lock, [&] { return stop_.load() || cursor_.load() >> kTaskBits != last; });
  sleepers_.fetch_sub(1);
  return current();
}

void Pool::help(int worker) {
  uint64_t job = 0;
  while (!stop_.load(std::memory_order_relaxed)) {
    job = wait_for_job(job);
    work(job, worker);
  }
}

/// CPUs that the control group's quota allows (version 2, then version 1), or a large number without a quota.
static double quota_cpus() {
  double quota = 0, period = 0;
  if (FILE* f = std::fopen("/sys/fs/cgroup/cpu.max", "r")) {
    const int fields = std::fscanf(f, "%lf %lf", &quota, &period);
    std::fclose(f);
    if (fields == 2 && quota > 0 && period > 0) return quota / period;
  }
  const auto number = [](const char* path) {
    double value = -1;
    if (FILE* f = std::fopen(path, "r")) {
      if (std::fscanf(f, "%lf", &value) != 1) value = -1;
      std::fclose(f);
    }
    return value;
  };
  quota = number("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  period = number("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  return quota > 0 && period > 0 ? quota / period : 1e9;
}

int allowed_threads() {
  int affinity = 0;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) affinity = CPU_COUNT(&set);
  if (affinity <= 0) affinity = static_cast<int>(std::thread::hardware_concurrency());
  const double quota = std::ceil(quota_cpus());
  return static_cast<int>(std::clamp(quota, 1.0, static_cast<double>(std::max(affinity, 1))));
}

}  // namespace pt
