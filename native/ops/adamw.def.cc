#include "ops/adamw.h"

namespace pt::adamw {
static const TensorSlot kTensors[] = {
    {"weight", SlotType::f32, 0, Access::update},
    {"gradient", SlotType::f32, 0, Access::read},
    {"m", SlotType::f32, 0, Access::update},
    {"v", SlotType::f32, 0, Access::update},
    {"step", SlotType::f64, 1, Access::read},
    {"clip", SlotType::f64, 1, Access::read, true},
    {"rounded", SlotType::bf16, 0, Access::write, true},
};
static const ParamSlot kParams[] = {
    {"beta1", false, 0, 1},
    {"beta2", false, 0, 1},
    {"eps", false, 0, 1},
    {"weight_decay", false, 0, 1e6},
};

static Status check(const Command& c) {
  const int64_t n = c.tensor(weight).size();
  for (int slot : {gradient, m, v, rounded})
    PT_CHECK(!c.has(slot) || c.tensor(slot).size() == n, "%s has %lld elements, weight has %lld; they must be equal",
             kTensors[slot].name, (long long)c.tensor(slot).size(), (long long)n);
  PT_CHECK(c.dim(step, 0) == 3, "step is [%lld]; it must be [3]: learning rate, 1 − beta1^t, 1 − beta2^t",
           (long long)c.dim(step, 0));
  PT_CHECK(!c.has(clip) || c.dim(clip, 0) == 3, "clip is [%lld]; it must be [3]: norm, scale, apply",
           (long long)c.dim(clip, 0));
  return Status::success();
}

static Cost cost(const Command& c) {
  const double n = static_cast<double>(c.tensor(weight).size());
  return {15 * n, c.bytes({weight, gradient, m, v, weight, m, v, rounded})};
}

const OpDef def = make_op("adamw", kTensors, kParams, check, cost);
}  // namespace pt::adamw
