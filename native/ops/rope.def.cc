#include "ops/rope.h"

namespace pt::rope {
static const TensorSlot kTensors[] = {
    {"x", SlotType::compute, 2, Access::update},
    {"cos", SlotType::f32, 2, Access::read},
    {"sin", SlotType::f32, 2, Access::read},
    {"position", SlotType::i32, 1, Access::read, true},
};

static const ParamSlot kParams[] = {
    {"heads", true, 1, 1 << 20},
    {"head_dim", true, 2, 1 << 20},
    {"positions", true, 1, 1 << 30},
    {"inverse", true, 0, 1},
};

static Status check(const Command& c) {
  const int64_t H = c.integer(heads), D = c.integer(head_dim), T = c.integer(positions), P = c.dim(cos, 0);
  PT_CHECK(D % 2 == 0, "head_dim is %lld; rotary positions need an even one", (long long)D);
  PT_CHECK(c.dim(x, 1) >= H * D, "x is [%lld, %lld]; %lld heads of %lld need %lld columns", (long long)c.dim(x, 0),
           (long long)c.dim(x, 1), (long long)H, (long long)D, (long long)(H * D));
  for (int slot : {cos, sin})
    PT_CHECK(c.dim(slot, 0) == P && c.dim(slot, 1) == D / 2 && P >= T,
             "%s is [%lld, %lld]; %lld positions with head_dim %lld need [P, %lld] with P >= %lld, the same for both",
             kTensors[slot].name, (long long)c.dim(slot, 0), (long long)c.dim(slot, 1), (long long)T, (long long)D,
             (long long)(D / 2), (long long)T);
  PT_CHECK(!c.has(position) || c.dim(position, 0) == 1, "position has %lld elements; it needs 1",
           (long long)c.dim(position, 0));
  return Status::success();
}

static Cost cost(const Command& c) {
  const double R = static_cast<double>(c.dim(x, 0)),
               rotated = static_cast<double>(c.integer(heads) * c.integer(head_dim));
  const double tables = static_cast<double>(c.integer(positions) * c.integer(head_dim)) * sizeof(float);
  return {3 * R * rotated, 2 * R * rotated * static_cast<double>(size_of(c.tensor(x).dtype)) + tables};
}

const OpDef def = make_op("rope", kTensors, kParams, check, cost);
}  // namespace pt::rope
