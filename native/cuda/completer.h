// Completer: waits for work that was put on a stream and tells its end. Work is given in stream order and told in the
// same order, by one thread of its own, so that the thread that launches never has to wait.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "core/status.h"
#include "cuda/runtime.h"

namespace pt::cuda {

class Completer {
 public:
  explicit Completer(int device);
  ~Completer();  // waits for what was given
  Completer(const Completer&) = delete;
  Completer& operator=(const Completer&) = delete;

  /// Calls `ended` once everything that is on the stream now has ended, or at once when the stream has failed.
  void after(cudaStream_t stream, std::function<void(const Status&)> ended);

 private:
  struct Work {
    cudaEvent_t event;  // null: `status` is known already
    Status status;
    std::function<void(const Status&)> ended;
  };
  void loop();
  cudaEvent_t take_event();

  int device_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Work> work_;
  std::vector<cudaEvent_t> spare_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace pt::cuda
