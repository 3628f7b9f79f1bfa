// ProductTimer: times ways to compute one product, on random data in memory of its own.
#pragma once
#include <functional>
#include <memory>

#include "cuda/launch.h"

namespace pt::cuda {

class ProductTimer {
 public:
  using Way = std::function<Status(const Command&)>;

  /// out_of_memory when there is no room for copies of the operands.
  static Status create(const Command&, const Launch&, std::unique_ptr<ProductTimer>& out);
  ~ProductTimer();

  /// The median of a few runs of some repeats, after one that warms up. `way` gets the command with other tensors.
  Status time(const Way& way, double& microseconds);

 private:
  ProductTimer(const Command& command, cudaStream_t stream) : command_(command), stream_(stream) {}
  Status allocate();
  Status fill(size_t bytes);
  Status run(const Way&, int repeats, double& microseconds);

  Command command_;
  cudaStream_t stream_;
  void* memory_ = nullptr;
  cudaEvent_t start_ = nullptr, end_ = nullptr;
};

}  // namespace pt::cuda
