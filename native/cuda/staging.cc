#include "cuda/staging.h"

#include <algorithm>
#include <cstring>

#include "cuda/check.h"

namespace pt::cuda {

Staging::~Staging() {
  for (Buffer& buffer : buffers_) {
    if (buffer.free) cudaEventSynchronize(buffer.free), cudaEventDestroy(buffer.free);
    if (buffer.data) cudaFreeHost(buffer.data);
  }
}

Status Staging::next(Buffer*& out) {
  Buffer& buffer = buffers_[turn_];
  turn_ ^= 1;
  if (!buffer.data) {
    void* data = nullptr;
    PT_CUDA(cudaMallocHost(&data, kBytes), "allocating pinned memory");
    buffer.data = static_cast<std::byte*>(data);
    PT_CUDA(cudaEventCreateWithFlags(&buffer.free, cudaEventDisableTiming | cudaEventBlockingSync), "making an event");
  } else {
    PT_CUDA(cudaEventSynchronize(buffer.free), "waiting for a copy");
  }
  out = &buffer;
  return Status::success();
}

Status Staging::write(cudaStream_t stream, void* to, const void* from, size_t bytes) {
  for (size_t at = 0; at < bytes; at += kBytes) {
    const size_t piece = std::min(kBytes, bytes - at);
    Buffer* buffer = nullptr;
    if (Status s = next(buffer); !s.ok()) return s;
    std::memcpy(buffer->data, static_cast<const std::byte*>(from) + at, piece);
    PT_CUDA(cudaMemcpyAsync(static_cast<std::byte*>(to) + at, buffer->data, piece, cudaMemcpyHostToDevice, stream),
            "copying to the device");
    PT_CUDA(cudaEventRecord(buffer->free, stream), "copying to the device");
  }
  return Status::success();
}

Status Staging::read(cudaStream_t stream, void* to, const void* from, size_t bytes) {
  // While one piece crosses the bus, the one before it is copied out of its buffer.
  std::byte* waiting_to = nullptr;
  Buffer* waiting = nullptr;
  size_t waiting_bytes = 0;
  for (size_t at = 0; at < bytes || waiting; at += kBytes) {
    Buffer* buffer = nullptr;
    const size_t piece = at < bytes ? std::min(kBytes, bytes - at) : 0;
    if (piece) {
      if (Status s = next(buffer); !s.ok()) return s;
      PT_CUDA(cudaMemcpyAsync(buffer->data, static_cast<const std::byte*>(from) + at, piece, cudaMemcpyDeviceToHost,
                              stream),
              "copying from the device");
      PT_CUDA(cudaEventRecord(buffer->free, stream), "copying from the device");
    }
    if (waiting) {
      PT_CUDA(cudaEventSynchronize(waiting->free), "copying from the device");
      std::memcpy(waiting_to, waiting->data, waiting_bytes);
    }
    waiting = buffer;
    waiting_to = static_cast<std::byte*>(to) + at;
    waiting_bytes = piece;
  }
  return Status::success();
}

}  // namespace pt::cuda
