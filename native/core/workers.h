// Workers: what a kernel sees of the thread pool. An interface, because kernels live in shared objects
// that are compiled once per instruction set and must not carry a copy of the pool.
#pragma once
#include <cstdint>

namespace pt {

class Workers {
 public:
  using Task = void (*)(const void* context, int64_t task, int worker);

  /// Number of workers, at least 1. Worker indices run from 0 to count() − 1.
  virtual int count() const = 0;

  /// Runs task 0 … tasks − 1, each exactly once, on any worker, in any order; returns when all are done.
  /// A kernel's result must not depend on which worker runs a task: split work by fixed sizes, never by count().
  virtual void run(int64_t tasks, Task task, const void* context) = 0;

 protected:
  ~Workers() = default;
};

/// body(task, worker) for every task.
template <class Body>
void parallel_for(Workers& workers, int64_t tasks, const Body& body) {
  workers.run(
      tasks, [](const void* context, int64_t task, int worker) { (*static_cast<const Body*>(context))(task, worker); },
      &body);
}

/// Splits 0 … n − 1 into blocks of a fixed size: body(begin, end, worker).
template <class Body>
void parallel_blocks(Workers& workers, int64_t n, int64_t block, const Body& body) {
  parallel_for(workers, (n + block - 1) / block, [&](int64_t task, int worker) {
    const int64_t begin = task * block;
    body(begin, begin + block < n ? begin + block : n, worker);
  });
}

}  // namespace pt
