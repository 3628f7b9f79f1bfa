#include "cuda/completer.h"

#include <utility>

#include "cuda/check.h"

namespace pt::cuda {

Completer::Completer(int device) : device_(device), thread_([this] { loop(); }) {}

Completer::~Completer() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
  for (cudaEvent_t event : spare_) cudaEventDestroy(event);
}

cudaEvent_t Completer::take_event() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!spare_.empty()) {
      cudaEvent_t event = spare_.back();
      spare_.pop_back();
      return event;
    }
  }
  cudaEvent_t event = nullptr;
  // Blocking: the thread sleeps instead of spinning on a core that the data loader may want.
  if (cudaEventCreateWithFlags(&event, cudaEventDisableTiming | cudaEventBlockingSync) != cudaSuccess) return nullptr;
  return event;
}

void Completer::after(cudaStream_t stream, std::function<void(const Status&)> ended) {
  Work work{take_event(), Status::success(), std::move(ended)};
  const cudaError_t error = work.event ? cudaEventRecord(work.event, stream) : cudaErrorUnknown;
  if (error != cudaSuccess) work.status = to_status(error, "marking the end of the work on the device");
  {
    std::lock_guard<std::mutex> lock(mutex_);
    work_.push_back(std::move(work));
  }
  wake_.notify_one();
}

void Completer::loop() {
  cudaSetDevice(device_);
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !work_.empty(); });
    if (work_.empty()) return;
    Work work = std::move(work_.front());
    work_.pop_front();
    lock.unlock();
    if (work.status.ok()) work.status = to_status(cudaEventSynchronize(work.event), "the work on the device");
    work.ended(work.status);
    work.ended = nullptr;  // what it holds is released outside the lock
    lock.lock();
    if (work.event) spare_.push_back(work.event);
  }
}

}  // namespace pt::cuda
