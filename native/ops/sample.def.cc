#include "ops/sample.h"

namespace pt::sample {
static const TensorSlot kTensors[] = {
    {"logits", SlotType::compute, 1, Access::read},
    {"token", SlotType::i32, 1, Access::write},
    {"counter", SlotType::i32, 1, Access::read},
};
static const ParamSlot kParams[] = {
    {"seed_low", true, 0, 4294967295.0},
    {"seed_high", true, 0, 4294967295.0},
    {"temperature", false, 0, 1e6},
    {"top_k", true, 0, 2147483647.0},
    {"top_p", false, 0, 1},
};

static Status check(const Command& c) {
  PT_CHECK(c.dim(logits, 0) <= INT32_MAX, "logits is [%lld]; ids are 32-bit", (long long)c.dim(logits, 0));
  for (int slot : {token, counter})
    PT_CHECK(c.dim(slot, 0) == 1, "%s is [%lld]; it must be [1]", kTensors[slot].name, (long long)c.dim(slot, 0));
  return Status::success();
}

static Cost cost(const Command& c) {
  const double V = static_cast<double>(c.dim(logits, 0));
  return {5 * V, c.bytes({logits})};
}

static size_t workspace(const Command& c, int) { return static_cast<size_t>(c.dim(logits, 0)) * sizeof(Candidate); }

static Status cuda_check(const Command& c) {
  constexpr int64_t most = kCudaChunk * kCudaChunk;
  PT_CHECK(c.dim(logits, 0) <= most, "logits is [%lld]; on CUDA it may hold at most %lld. Choose device: 'cpu'",
           (long long)c.dim(logits, 0), (long long)most);
  return Status::success();
}
static size_t cuda_workspace(const Command& c) { return CudaWorkspace(c.dim(logits, 0)).bytes; }

const OpDef def =
    make_op("sample", kTensors, kParams, check, cost).on_cpu(workspace).on_cuda(cuda_check, cuda_workspace);
}  // namespace pt::sample
