// The thread pool of the CPU backend. The thread that calls run() is worker 0; count − 1 more threads help.
// Helpers spin for a few tens of microseconds after a job, because a training step is some hundred jobs in a row,
// and sleep after that. A job never waits for a helper that has not joined it: on a loaded machine a sleeping
// helper costs nothing but its help.
#pragma once
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "core/workers.h"

namespace pt {

class Pool final : public Workers {
 public:
  explicit Pool(int count);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  int count() const override { return static_cast<int>(helpers_.size()) + 1; }
  void run(int64_t tasks, Task task, const void* context) override;

 private:
  void help(int worker);
  void work(uint64_t job, int worker);
  uint64_t wait_for_job(uint64_t last);

  // A job number in the high bits and the count of unclaimed tasks in the low bits, in one word: claiming a task is
  // one compare-and-swap that can only succeed for the job it was meant for.
  static constexpr int kTaskBits = 40;
  static constexpr uint64_t kTaskMask = (uint64_t{1} << kTaskBits) - 1;

  alignas(64) std::atomic<uint64_t> cursor_{0};
  alignas(64) std::atomic<int64_t> finished_{0};
  // The job's description: written before its number is published, stable until its last task has finished.
  std::atomic<int64_t> tasks_{0};
  std::atomic<Task> task_{nullptr};
  std::atomic<const void*> context_{nullptr};

  alignas(64) std::atomic<int> sleepers_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> helpers_;
};

/// Threads this process may use: its affinity mask, cut down to the control group's CPU quota. At least 1.
int allowed_threads();

}  // namespace pt
