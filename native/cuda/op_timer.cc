#include "cuda/op_timer.h"

#include "cuda/check.h"

namespace pt::cuda {

Status OpTimer::create(size_t ops, std::unique_ptr<OpTimer>& out) {
  std::unique_ptr<OpTimer> made(new OpTimer);
  made->events_.resize(ops + 1, nullptr);
  for (cudaEvent_t& event : made->events_) PT_CUDA(cudaEventCreate(&event), "making an event");
  out = std::move(made);
  return Status::success();
}

OpTimer::~OpTimer() {
  for (cudaEvent_t event : events_)
    if (event) cudaEventDestroy(event);
}

Status OpTimer::mark(cudaStream_t stream) {
  PT_CUDA(cudaEventRecord(events_[marked_++], stream), "timing an op");
  return Status::success();
}

void OpTimer::tell(const Plan& plan) const {
  for (size_t i = 0; i < plan.entries().size(); i++) {
    float milliseconds = 0;
    if (cudaEventElapsedTime(&milliseconds, events_[i], events_[i + 1]) != cudaSuccess) return;
    plan.entries()[i]->nanoseconds += static_cast<int64_t>(1e6 * static_cast<double>(milliseconds));
    plan.entries()[i]->runs++;
  }
}

}  // namespace pt::cuda
