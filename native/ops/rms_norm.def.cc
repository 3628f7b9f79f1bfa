#include "ops/rms_norm.h"

namespace pt {
/// Every given slot of `matrices` is [R, C], `weights` are [C], `scales` are [R].
static Status check_norm_shapes(const Command& c, int reference, std::initializer_list<int> matrices,
                                std::initializer_list<int> weights, int rstd) {
  const TensorSlot* slots = c.op->tensors;
  const int64_t R = c.dim(reference, 0), C = c.dim(reference, 1);
  for (int slot : matrices)
    PT_CHECK(!c.has(slot) || (c.dim(slot, 0) == R && c.dim(slot, 1) == C),
             "%s is [%lld, %lld]; %s [%lld, %lld] needs the same shape", slots[slot].name, (long long)c.dim(slot, 0),
             (long long)c.dim(slot, 1), slots[reference].name, (long long)R, (long long)C);
  for (int slot : weights)
    PT_CHECK(c.dim(slot, 0) == C, "%s is [%lld]; %s [%lld, %lld] needs [C]", slots[slot].name,
             (long long)c.dim(slot, 0), slots[reference].name, (long long)R, (long long)C);
  PT_CHECK(c.dim(rstd, 0) == R, "rstd is [%lld]; %s [%lld, %lld] needs [R]", (long long)c.dim(rstd, 0),
           slots[reference].name, (long long)R, (long long)C);
  return Status::success();
}

/// The CUDA kernels read rows in vectors of 16 bytes, and hold them in registers.
static Status check_cuda_columns(int64_t C) {
  PT_CHECK(C % 8 == 0 && C <= rms_norm::kMostCudaColumns,
           "rows have %lld columns; on CUDA they need a multiple of 8, at most %lld. Choose another width, or device: "
           "'cpu'",
           (long long)C, (long long)rms_norm::kMostCudaColumns);
  return Status::success();
}
}  // namespace pt

namespace pt::rms_norm {
static const TensorSlot kTensors[] = {
    {"x", SlotType::compute, 2, Access::read},      {"delta", SlotType::compute, 2, Access::read, true},
    {"weight", SlotType::compute, 1, Access::read}, {"sum", SlotType::compute, 2, Access::write, true},
    {"y", SlotType::compute, 2, Access::write},     {"rstd", SlotType::f32, 1, Access::write},
};
static const ParamSlot kParams[] = {{"eps", false, 0, 1}};

static Status check(const Command& c) {
  PT_CHECK(c.has(delta) == c.has(sum), "%s was given without %s; they come together or not at all",
           c.has(delta) ? "delta" : "sum", c.has(delta) ? "sum" : "delta");
  return check_norm_shapes(c, x, {delta, sum, y}, {weight}, rstd);
}

static Cost cost(const Command& c) {
  const double n = static_cast<double>(c.tensor(x).size());
  return {(c.has(delta) ? 5 : 4) * n, c.bytes({x, delta, sum, y})};
}

static Status cuda_check(const Command& c) { return check_cuda_columns(c.dim(x, 1)); }

const OpDef def = make_op("rms_norm", kTensors, kParams, check, cost).on_cuda(cuda_check);
}  // namespace pt::rms_norm

namespace pt::rms_norm_backward {
static const TensorSlot kTensors[] = {
    {"dy", SlotType::compute, 2, Access::read},     {"x", SlotType::compute, 2, Access::read},
    {"weight", SlotType::compute, 1, Access::read}, {"rstd", SlotType::f32, 1, Access::read},
    {"dx", SlotType::compute, 2, Access::update},   {"dweight", SlotType::f32, 1, Access::update},
};
static const ParamSlot kParams[] = {{"accumulate_dx", true, 0, 1}, {"accumulate_dweight", true, 0, 1}};

static Status check(const Command& c) { return check_norm_shapes(c, dy, {x, dx}, {weight, dweight}, rstd); }

static Cost cost(const Command& c) {
  const double n = static_cast<double>(c.tensor(dy).size());
  return {10 * n, c.flag(accumulate_dx) ? c.bytes({dy, x, dx, dx}) : c.bytes({dy, x, dx})};
}

static size_t workspace(const Command& c, int) {
  const int64_t partials = (c.dim(dy, 0) + kRowsPerPartial - 1) / kRowsPerPartial;
  return static_cast<size_t>(partials * c.dim(dy, 1)) * sizeof(float);
}

static Status cuda_check(const Command& c) { return check_cuda_columns(c.dim(x, 1)); }

static size_t cuda_workspace(const Command& c) {
  const int64_t R = c.dim(dy, 0), C = c.dim(dy, 1);
  return static_cast<size_t>(cuda_partials(R, C) * C) * sizeof(float);
}

const OpDef def =
    make_op("rms_norm_backward", kTensors, kParams, check, cost).on_cpu(workspace).on_cuda(cuda_check, cuda_workspace);
}  // namespace pt::rms_norm_backward
