// OwnedStream: a stream that goes with its owner, after what is under way on it.
#pragma once
#include "core/status.h"
#include "cuda/check.h"
#include "cuda/runtime.h"

namespace pt::cuda {

class OwnedStream {
 public:
  explicit OwnedStream(int device) : device_(device) {}
  OwnedStream(const OwnedStream&) = delete;
  OwnedStream& operator=(const OwnedStream&) = delete;
  ~OwnedStream() {
    if (!stream_ || cudaSetDevice(device_) != cudaSuccess) return;
    cudaStreamSynchronize(stream_);
    cudaStreamDestroy(stream_);
  }

  /// One that does not wait for the default stream.
  Status create() {
    PT_CUDA(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "making a stream");
    return Status::success();
  }
  operator cudaStream_t() const { return stream_; }

 private:
  int device_;
  cudaStream_t stream_ = nullptr;
};

}  // namespace pt::cuda
