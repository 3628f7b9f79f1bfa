#include "ops/repetition_penalty.h"

namespace pt::repetition_penalty {
static const TensorSlot kTensors[] = {
    {"logits", SlotType::compute, 1, Access::update},
    {"seen", SlotType::i32, 1, Access::read},
};
static const ParamSlot kParams[] = {{"penalty", false, 1e-6, 1e6}};

static Status check(const Command& c) {
  PT_CHECK(c.dim(seen, 0) == c.dim(logits, 0), "seen is [%lld], logits is [%lld]; they must be equal",
           (long long)c.dim(seen, 0), (long long)c.dim(logits, 0));
  return Status::success();
}

static Cost cost(const Command& c) { return {static_cast<double>(c.dim(logits, 0)), c.bytes({logits, logits, seen})}; }

const OpDef def = make_op("repetition_penalty", kTensors, kParams, check, cost);
}  // namespace pt::repetition_penalty
