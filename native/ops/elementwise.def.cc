#include "ops/elementwise.h"

#include <cfloat>

namespace pt {
constexpr double kMaxU32 = 4294967295.0;

static Status same_count(const TensorView& x, const TensorView& y) {
  PT_CHECK(x.size() == y.size(), "x has %lld elements, y has %lld; they must be equal", (long long)x.size(),
           (long long)y.size());
  return Status::success();
}
}  // namespace pt

namespace pt::fill {
static const TensorSlot kTensors[] = {{"y", SlotType::f32, 0, Access::write}};
static const ParamSlot kParams[] = {{"value", false, -FLT_MAX, FLT_MAX}};

static Status check(const Command&) { return Status::success(); }
static Cost cost(const Command& c) { return {0, static_cast<double>(c.tensor(y).bytes())}; }

const OpDef def = make_op("fill", kTensors, kParams, check, cost);
}  // namespace pt::fill

namespace pt::fill_normal {
static const TensorSlot kTensors[] = {{"y", SlotType::f32, 0, Access::write}};
static const ParamSlot kParams[] = {
    {"seed_low", true, 0, kMaxU32},
    {"seed_high", true, 0, kMaxU32},
    {"stream", true, 0, kMaxU32},
    {"std", false, 0, FLT_MAX},
};

static Status check(const Command&) { return Status::success(); }
static Cost cost(const Command& c) { return {0, static_cast<double>(c.tensor(y).bytes())}; }

const OpDef def = make_op("fill_normal", kTensors, kParams, check, cost);
}  // namespace pt::fill_normal

namespace pt::copy {
static const TensorSlot kTensors[] = {
    {"x", SlotType::f32, 0, Access::read},
    {"y", SlotType::f32, 0, Access::write},
};

static Status check(const Command& c) { return same_count(c.tensor(x), c.tensor(y)); }
static Cost cost(const Command& c) { return {0, 2.0 * static_cast<double>(c.tensor(y).bytes())}; }

const OpDef def = make_op("copy", kTensors, nullptr, check, cost);
}  // namespace pt::copy

namespace pt::add {
static const TensorSlot kTensors[] = {
    {"x", SlotType::f32, 0, Access::read},
    {"y", SlotType::f32, 0, Access::update},
};

static Status check(const Command& c) { return same_count(c.tensor(x), c.tensor(y)); }
static Cost cost(const Command& c) {
  const double n = static_cast<double>(c.tensor(y).size());
  return {n, c.bytes({x, y, y})};
}

const OpDef def = make_op("add", kTensors, nullptr, check, cost);
}  // namespace pt::add

namespace pt::convert {
static const TensorSlot kTensors[] = {
    {"x", SlotType::f32, 0, Access::read},
    {"y", SlotType::bf16, 0, Access::write},
};

static Status check(const Command& c) { return same_count(c.tensor(x), c.tensor(y)); }
static Cost cost(const Command& c) { return {0, static_cast<double>(c.tensor(x).bytes() + c.tensor(y).bytes())}; }

const OpDef def = make_op("convert", kTensors, nullptr, check, cost);
}  // namespace pt::convert
