#include "ops/swiglu.h"

namespace pt {
/// The CUDA kernels read rows in vectors of 16 bytes.
static Status check_cuda_columns(int64_t F) {
  PT_CHECK(F % 8 == 0,
           "F is %lld; on CUDA it needs a multiple of 8. Choose another feed-forward width, or device: 'cpu'",
           (long long)F);
  return Status::success();
}
}  // namespace pt

namespace pt::swiglu {
static const TensorSlot kTensors[] = {
    {"gate_up", SlotType::compute, 2, Access::read},
    {"y", SlotType::compute, 2, Access::write},
};

static Status check(const Command& c) {
  const int64_t R = c.dim(y, 0), F = c.dim(y, 1);
  PT_CHECK(c.dim(gate_up, 0) == R && c.dim(gate_up, 1) == 2 * F,
           "gate_up is [%lld, %lld]; y [%lld, %lld] needs [R, 2F]", (long long)c.dim(gate_up, 0),
           (long long)c.dim(gate_up, 1), (long long)R, (long long)F);
  return Status::success();
}

static Cost cost(const Command& c) {
  const double n = static_cast<double>(c.tensor(y).size());
  return {5 * n, c.bytes({gate_up, y})};
}

static Status cuda_check(const Command& c) { return check_cuda_columns(c.dim(y, 1)); }

const OpDef def = make_op("swiglu", kTensors, nullptr, check, cost).on_cuda(cuda_check);
}  // namespace pt::swiglu

namespace pt::swiglu_backward {
static const TensorSlot kTensors[] = {
    {"gate_up", SlotType::compute, 2, Access::read},
    {"dy", SlotType::compute, 2, Access::read},
    {"dgate_up", SlotType::compute, 2, Access::write},
};

static Status check(const Command& c) {
  const int64_t R = c.dim(dy, 0), F = c.dim(dy, 1);
  for (int slot : {gate_up, dgate_up})
    PT_CHECK(c.dim(slot, 0) == R && c.dim(slot, 1) == 2 * F, "%s is [%lld, %lld]; dy [%lld, %lld] needs [R, 2F]",
             kTensors[slot].name, (long long)c.dim(slot, 0), (long long)c.dim(slot, 1), (long long)R, (long long)F);
  return Status::success();
}

static Cost cost(const Command& c) {
  const double n = static_cast<double>(c.tensor(dy).size());
  return {11 * n, c.bytes({gate_up, dy, dgate_up})};
}

static Status cuda_check(const Command& c) { return check_cuda_columns(c.dim(dy, 1)); }

const OpDef def = make_op("swiglu_backward", kTensors, nullptr, check, cost).on_cuda(cuda_check);
}  // namespace pt::swiglu_backward
