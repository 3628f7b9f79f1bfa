// Queue: one thread that does jobs in the order they were given, like a CUDA stream. All work of a device goes
// through its queue, so JavaScript need not wait between a write, a run and a read to have them in order.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace pt {

class Queue {
 public:
  /// `cancelled` is true when the queue was stopped before the job could begin.
  using Job = std::function<void(bool cancelled)>;

  Queue();
  ~Queue() { stop(); }
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  /// False, and the job is not taken, when the queue has been stopped.
  bool push(Job job);

  /// Lets the running job end, hands the waiting ones back as cancelled, joins the thread. Idempotent.
  void stop();

 private:
  void loop();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace pt
