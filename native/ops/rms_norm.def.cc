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
}  // namespace pt

namespace pt::rms_norm {
static const TensorSlot kTensors[] = {
    {"x", DType::f32, 2, Access::read},      {"delta", DType::f32, 2, Access::read, true},
    {"weight", DType::f32, 1, Access::read}, {"sum", DType::f32, 2, Access::write, true},
    {"y", DType::f32, 2, Access::write},     {"rstd", DType::f32, 1, Access::write},
};
static const ParamSlot kParams[] = {{"eps", false, 0, 1}};

static Status check(const Command& c) {
  PT_CHECK(c.has(delta) == c.has(sum), "%s was given without %s; they come together or not at all",
           c.has(delta) ? "delta" : "sum", c.has(delta) ? "sum" : "delta");
  return check_norm_shapes(c, x, {delta, sum, y}, {weight}, rstd);
}

static Cost cost(const Command& c) {
  const double n = static_cast<double>(c.tensor(x).size());
  return c.has(delta) ? Cost{5 * n, 4 * n * 4} : Cost{4 * n, 2 * n * 4};
}

const OpDef def = make_op("rms_norm", kTensors, kParams, check, cost);
}  // namespace pt::rms_norm

namespace pt::rms_norm_backward {
static const TensorSlot kTensors[] = {
    {"dy", DType::f32, 2, Access::read},     {"x", DType::f32, 2, Access::read},
    {"weight", DType::f32, 1, Access::read}, {"rstd", DType::f32, 1, Access::read},
    {"dx", DType::f32, 2, Access::update},   {"dweight", DType::f32, 1, Access::update},
};
static const ParamSlot kParams[] = {{"accumulate_dx", true, 0, 1}, {"accumulate_dweight", true, 0, 1}};

static Status check(const Command& c) { return check_norm_shapes(c, dy, {x, dx}, {weight, dweight}, rstd); }

static Cost cost(const Command& c) {
  const double n = static_cast<double>(c.tensor(dy).size());
  const double arrays = c.flag(accumulate_dx) ? 4 : 3;
  return {10 * n, arrays * n * 4};
}

static size_t workspace(const Command& c, int) {
  const int64_t partials = (c.dim(dy, 0) + kRowsPerPartial - 1) / kRowsPerPartial;
  return static_cast<size_t>(partials * c.dim(dy, 1)) * sizeof(float);
}

const OpDef def = make_op("rms_norm_backward", kTensors, kParams, check, cost, workspace);
}  // namespace pt::rms_norm_backward
