#include "ops/grad_norm.h"

#include <cfloat>

namespace pt::grad_norm {
static const TensorSlot kTensors[] = {
    {"gradient", SlotType::f32, 0, Access::read},
    {"result", SlotType::f64, 1, Access::write},
    {"loss", SlotType::f64, 1, Access::read, true},
    {"limits", SlotType::f64, 1, Access::read, true},
};
static const ParamSlot kParams[] = {{"max_norm", false, 0, FLT_MAX}};

static Status check(const Command& c) {
  PT_CHECK(c.dim(result, 0) == 3, "result is [%lld]; it must be [3]: norm, scale, apply", (long long)c.dim(result, 0));
  PT_CHECK(!c.has(loss) || c.dim(loss, 0) == 1, "loss is [%lld]; it must be [1]: the summed loss of the step",
           (long long)c.dim(loss, 0));
  PT_CHECK(!c.has(limits) || c.dim(limits, 0) == 2, "limits is [%lld]; it must be [2]: largest loss, largest norm",
           (long long)c.dim(limits, 0));
  return Status::success();
}

static Cost cost(const Command& c) {
  const double n = static_cast<double>(c.tensor(gradient).size());
  return {2 * n, n * 4};
}

static size_t sums(const Command& c) {
  return static_cast<size_t>((c.tensor(gradient).size() + kBlock - 1) / kBlock) * sizeof(double);
}
static size_t cpu_workspace(const Command& c, int) { return sums(c); }

const OpDef def = make_op("grad_norm", kTensors, kParams, check, cost).on_cpu(cpu_workspace).on_cuda(nullptr, sums);
}  // namespace pt::grad_norm
