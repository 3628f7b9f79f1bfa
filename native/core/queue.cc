#include "core/queue.h"

#include <utility>

namespace pt {

Queue::Queue() : thread_([this] { loop(); }) {}

bool Queue::push(Job job) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stopping_) return false;
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
  return true;
}

void Queue::stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Queue::loop() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    const bool cancelled = stopping_;
    lock.unlock();
    job(cancelled);
    job = nullptr;  // what it holds is released outside the lock
    lock.lock();
  }
}

}  // namespace pt
