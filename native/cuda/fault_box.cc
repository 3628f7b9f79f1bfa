#include "cuda/fault_box.h"

#include "cuda/check.h"

namespace pt::cuda {

constexpr int kBlock = 64;

FaultBox::~FaultBox() {
  if (device_) cudaFree(device_);
  for (Fault* block : blocks_) cudaFreeHost(block);
}

Status FaultBox::create() {
  void* data = nullptr;
  PT_CUDA(cudaMalloc(&data, sizeof(Fault)), "allocating device memory");
  device_ = static_cast<Fault*>(data);
  PT_CUDA(cudaMemset(device_, 0, sizeof(Fault)), "clearing device memory");
  PT_CUDA(cudaStreamSynchronize(nullptr), "clearing device memory");
  return Status::success();
}

int32_t FaultBox::number(const char* op) {
  std::lock_guard<std::mutex> lock(mutex_);
  ops_.push_back(op);
  return static_cast<int32_t>(ops_.size()) - 1;
}

Status FaultBox::copy_out(cudaStream_t stream, Fault*& copy) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (spare_.empty()) {
      void* block = nullptr;
      PT_CUDA(cudaMallocHost(&block, kBlock * sizeof(Fault)), "allocating pinned memory");
      blocks_.push_back(static_cast<Fault*>(block));
      for (int i = 0; i < kBlock; i++) spare_.push_back(blocks_.back() + i);
    }
    copy = spare_.back();
    spare_.pop_back();
  }
  PT_CUDA(cudaMemcpyAsync(copy, device_, sizeof(Fault), cudaMemcpyDeviceToHost, stream), "copying from the device");
  return Status::success();
}

static Status describe(const Fault& fault, const char* op) {
  const auto value = static_cast<long long>(fault.value), position = static_cast<long long>(fault.position),
             last = static_cast<long long>(fault.limit - 1);
  switch (fault.kind) {
    case FaultKind::token_id:
      return Status::error(Code::out_of_range,
                           "%s: index %lld of the batch holds token id %lld; ids must be in 0 … %lld. Was the text "
                           "tokenized for another vocabulary?",
                           op, position, value, last);
    case FaultKind::position:
      return Status::error(Code::out_of_range, "%s: position %lld is outside 0 … %lld", op, value, last);
    case FaultKind::logit:
      return fault.limit == 1
                 ? Status::error(Code::out_of_range, "%s: all logits are -inf; no token can be drawn", op)
                 : Status::error(Code::out_of_range,
                                 "%s: the logit of token %lld is not finite; the model has diverged", op, position);
    case FaultKind::none:
      break;
  }
  return Status::error(Code::internal, "%s reported an unknown fault", op);
}

Status FaultBox::judge(Fault* copy) {
  std::lock_guard<std::mutex> lock(mutex_);
  const Fault fault = *copy;
  spare_.push_back(copy);
  if (fault.raised == 0) return Status::success();
  const auto command = static_cast<size_t>(fault.raised - 1);
  return describe(fault, command < ops_.size() ? ops_[command] : "a kernel");
}

Status FaultBox::clear(cudaStream_t stream) {
  PT_CUDA(cudaMemsetAsync(device_, 0, sizeof(Fault), stream), "clearing a fault");
  return Status::success();
}

}  // namespace pt::cuda
