#include "ops/cross_entropy.h"

namespace pt::cross_entropy {
constexpr double kMaxCount = 1ll << 40;

static const TensorSlot kTensors[] = {
    {"logits", SlotType::compute, 2, Access::update},
    {"ids", SlotType::i32, 2, Access::read},
    {"loss", SlotType::f64, 1, Access::write},
    {"scale", SlotType::f64, 1, Access::read},
};
static const ParamSlot kParams[] = {
    {"first_row", true, 0, kMaxCount},
    {"positions", true, 1, kMaxCount},
    {"patch", true, 1, 1 << 20},
    {"gradient", true, 0, 1},
};

static Status check(const Command& c) {
  const int64_t r = c.dim(logits, 0), B = c.dim(ids, 0), S = c.dim(ids, 1);
  const int64_t T = c.integer(positions), K = c.integer(patch), first = c.integer(first_row);
  PT_CHECK(S % K == 0 && S / K == T, "ids is [%lld, %lld]; %lld positions of patches of %lld need S = %lld",
           (long long)B, (long long)S, (long long)T, (long long)K, (long long)(T * K));
  PT_CHECK(c.dim(loss, 0) == r, "loss is [%lld]; logits has %lld rows", (long long)c.dim(loss, 0), (long long)r);
  PT_CHECK(c.dim(scale, 0) == 1, "scale is [%lld]; it must be [1]", (long long)c.dim(scale, 0));
  PT_CHECK(first + r <= B * T, "rows %lld … %lld are not in a batch of %lld · %lld rows", (long long)first,
           (long long)(first + r - 1), (long long)B, (long long)T);
  return Status::success();
}

static Cost cost(const Command& c) {
  const double n = static_cast<double>(c.tensor(logits).size());
  return c.flag(gradient) ? Cost{5 * n, c.bytes({logits, logits})} : Cost{4 * n, c.bytes({logits})};
}

const OpDef def = make_op("cross_entropy", kTensors, kParams, check, cost);
}  // namespace pt::cross_entropy

namespace pt::sum_loss {
static const TensorSlot kTensors[] = {
    {"loss", SlotType::f64, 1, Access::read},
    {"total", SlotType::f64, 1, Access::update},
};
static const ParamSlot kParams[] = {{"accumulate", true, 0, 1}};

static Status check(const Command& c) {
  PT_CHECK(c.dim(total, 0) == 1, "total is [%lld]; it must be [1]", (long long)c.dim(total, 0));
  return Status::success();
}

static Cost cost(const Command& c) {
  const double n = static_cast<double>(c.dim(loss, 0));
  return {n, n * 8};
}

const OpDef def = make_op("sum_loss", kTensors, kParams, check, cost);
}  // namespace pt::sum_loss
