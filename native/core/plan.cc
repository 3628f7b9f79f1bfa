#include "core/plan.h"

#include <algorithm>
#include <cmath>

namespace pt {

static bool is_count(double x) { return x >= 0 && x <= 9007199254740992.0 && std::floor(x) == x; }

/// What a slot takes on a device whose weights and activations have the type `compute`.
static const char* wanted(SlotType type, DType compute) {
  if (type == SlotType::compute) return name_of(compute);
  if (type == SlotType::compute_or_f32) return compute == DType::f32 ? "f32" : "bf16 or f32";
  return name_of(type);
}

/// Checks one requested tensor against its slot and turns it into a view.
static Status resolve(const OpDef& op, const TensorSlot& slot, const TensorRequest& request, const Needs& needs,
                      TensorView& view) {
  if (!request.region) {
    PT_CHECK(slot.optional, "%s: tensor '%s' is missing", op.name, slot.name);
    return Status::success();
  }
  PT_CHECK(accepts(slot.type, request.dtype, needs.compute_type()), "%s: tensor '%s' is %s; it must be %s", op.name,
           slot.name, name_of(request.dtype), wanted(slot.type, needs.compute_type()));
  const int rank = static_cast<int>(std::min<size_t>(request.shape.size(), kMaxRank + 1));
  PT_CHECK(rank >= 1 && rank <= kMaxRank && (slot.rank == 0 || rank == slot.rank),
           "%s: tensor '%s' has %zu dimensions; it needs %d", op.name, slot.name, request.shape.size(), slot.rank);
  double elements = 1;
  for (int i = 0; i < rank; i++) {
    PT_CHECK(is_count(request.shape[i]) && request.shape[i] >= 1,
             "%s: dimension %d of '%s' is %g; it must be 1 or more", op.name, i, slot.name, request.shape[i]);
    view.shape[i] = static_cast<int64_t>(request.shape[i]);
    elements *= request.shape[i];
  }
  const double width = static_cast<double>(size_of(request.dtype));
  PT_CHECK(is_count(request.offset) && std::fmod(request.offset, width) == 0,
           "%s: '%s' starts at byte %g; it must be a multiple of %g", op.name, slot.name, request.offset, width);
  const double end = request.offset + elements * width;
  PT_CHECK(end <= static_cast<double>(request.region->bytes()), "%s: '%s' ends at byte %.0f of a region of %zu bytes",
           op.name, slot.name, end, request.region->bytes());
  const double alignment = static_cast<double>(needs.alignment());
  PT_CHECK(elements * width < alignment || std::fmod(request.offset, alignment) == 0,
           "%s: '%s' starts at byte %.0f; on this device it must be a multiple of %.0f", op.name, slot.name,
           request.offset, alignment);
  view.data = request.region->data() + static_cast<size_t>(request.offset);
  view.dtype = request.dtype;
  view.rank = rank;
  return Status::success();
}

static bool overlap(const TensorView& a, const TensorView& b) {
  const auto* a0 = static_cast<const std::byte*>(a.data);
  const auto* b0 = static_cast<const std::byte*>(b.data);
  return a0 < b0 + b.bytes() && b0 < a0 + a.bytes();
}

static Status check_overlaps(const OpDef& op, const Command& c) {
  for (int i = 0; i < op.tensor_count; i++) {
    if (op.tensors[i].access == Access::read || !c.has(i)) continue;
    for (int j = 0; j < op.tensor_count; j++)
      PT_CHECK(i == j || !c.has(j) || !overlap(c.tensor(i), c.tensor(j)),
               "%s: '%s' is written and overlaps '%s'; give each memory of its own", op.name, op.tensors[i].name,
               op.tensors[j].name);
  }
  return Status::success();
}

static Status check_param(const OpDef& op, const ParamSlot& slot, double value) {
  PT_CHECK(std::isfinite(value) && value >= slot.min && value <= slot.max, "%s: '%s' is %g; it must be in %g … %g",
           op.name, slot.name, value, slot.min, slot.max);
  PT_CHECK(!slot.integer || std::floor(value) == value, "%s: '%s' is %g; it must be whole", op.name, slot.name, value);
  return Status::success();
}

Status Plan::record(const OpDef& op, const std::vector<TensorRequest>& tensors, const std::vector<double>& params,
                    const Needs& needs) {
  auto entry = std::make_unique<PlanEntry>();
  Command& command = entry->command;
  command.op = &op;
  for (int i = 0; i < op.tensor_count; i++)
    if (Status s = resolve(op, op.tensors[i], tensors[i], needs, command.tensors[i]); !s.ok()) return s;
  for (int i = 0; i < op.param_count; i++) {
    if (Status s = check_param(op, op.params[i], params[i]); !s.ok()) return s;
    command.params[i] = params[i];
  }
  if (Status s = check_overlaps(op, command); !s.ok()) return s;
  if (Status s = op.check(command); !s.ok()) return Status::error(s.code, "%s: %s", op.name, s.message);
  if (Status s = needs.check(command); !s.ok()) return Status::error(s.code, "%s: %s", op.name, s.message);

  entry->cost = op.cost(command);
  workspace_bytes_ = std::max(workspace_bytes_, needs.workspace(command));
  for (const TensorRequest& t : tensors)
    if (t.region && std::find(regions_.begin(), regions_.end(), t.region) == regions_.end())
      regions_.push_back(t.region);
  entries_.push_back(std::move(entry));
  return Status::success();
}

}  // namespace pt
