// OpTimer: an event before the first op of a run and one after each, which tell every op's time once the run has ended.
#pragma once
#include <memory>
#include <vector>

#include "core/plan.h"
#include "cuda/runtime.h"

namespace pt::cuda {

class OpTimer {
 public:
  static Status create(size_t ops, std::unique_ptr<OpTimer>& out);
  ~OpTimer();
  OpTimer(const OpTimer&) = delete;
  OpTimer& operator=(const OpTimer&) = delete;

  /// Before the first op, then after each.
  Status mark(cudaStream_t stream);

  /// After the run: adds what each op took to its entry.
  void tell(const Plan& plan) const;

 private:
  OpTimer() = default;
  std::vector<cudaEvent_t> events_;
  size_t marked_ = 0;
};

}  // namespace pt::cuda
