// Recorded commands from a fuzzer's bytes: for the most part valid ones with a few wrong things in them, because
// numbers out of nothing would hardly ever pass validation. test/fuzz/commands.ts reads the same way.
#pragma once
#include <cmath>
#include <string>
#include <vector>

#include "byte_source.h"
#include "core/plan.h"
#include "ops/registry.h"
#include "valid_commands.h"

namespace pt::fuzz {

constexpr double kAlignment = 64;

/// Its tensors lie one after the other in a region of `bytes`, which it does not have yet.
struct CommandRequest {
  const OpDef* op;
  std::vector<TensorRequest> tensors;
  std::vector<bool> given;
  std::vector<double> params;
  double bytes = 0;

  void place_in(const std::shared_ptr<Region>& region) {
    for (size_t i = 0; i < tensors.size(); i++)
      if (given[i]) tensors[i].region = region;
  }
};

/// A number of 0 … 199 as it is; above that the values that break arithmetic.
inline double awkward_number(uint8_t code) {
  static const double values[] = {
      -1,           0.5,        NAN,           INFINITY, -INFINITY, 2147483647.0, 2147483648.0, 4294967295.0,
      4294967296.0, 0x1p40,     0x1p53,        0x1p62,   -0x1p63,   1e308,        5e-324,       -0.0,
      0x1p-24,      16777216.0, 65536.0,       131072.0, 262144.0,  524288.0,     524284.0,     1048576.0,
      0.9,          1e-5,       -2147483648.0, 1e6,      256,       1024,         4096,         0x1p20};
  constexpr int count = sizeof values / sizeof values[0];
  return code < 200 ? code : values[(code - 200) % count];
}

inline DType type_for(SlotType type) {
  switch (type) {
    case SlotType::bf16:
      return DType::bf16;
    case SlotType::f64:
      return DType::f64;
    case SlotType::i32:
      return DType::i32;
    default:
      return DType::f32;
  }
}

/// Each edit: what, at which tensor or parameter, and a value.
inline void edit(ByteSource& in, CommandRequest& command) {
  const int kind = in.below(6);
  const uint8_t place = in.byte(), code = in.byte();
  const double value = awkward_number(code);
  if (kind == 5) {
    if (!command.params.empty()) command.params[place % command.params.size()] = value;
    return;
  }
  const size_t at = place % command.tensors.size();
  TensorRequest& tensor = command.tensors[at];
  if (kind == 0) tensor.offset = value * 4;
  if (kind == 1) tensor.offset = value;
  if (kind == 2) tensor.dtype = static_cast<DType>(code % 4);
  if (kind == 3 && !tensor.shape.empty()) tensor.shape[(place / 16u) % tensor.shape.size()] = value;
  if (kind == 4 && code < 5) tensor.shape.resize(code, 1);
  if (kind == 4 && code >= 250) command.given[at] = !command.given[at];
}

inline CommandRequest read_command(ByteSource& in) {
  const OpList ops = all_ops();
  CommandRequest out;
  out.op = ops.defs[in.byte() % ops.count];
  const auto table = valid_commands(read_dimensions(in));
  const auto known = table.find(out.op->name);
  const ValidCommand valid = known == table.end() ? ValidCommand{} : known->second;
  for (int i = 0; i < out.op->tensor_count; i++) {
    const TensorSlot& slot = out.op->tensors[i];
    const auto shape = valid.shapes.find(slot.name);
    out.given.push_back(shape != valid.shapes.end());  // a slot that the table does not know stays empty
    out.tensors.push_back({nullptr, out.bytes, type_for(slot.type), {1}});
    if (out.given.back()) out.tensors.back().shape = shape->second;
    double bytes = static_cast<double>(size_of(out.tensors.back().dtype));
    for (const double dimension : out.tensors.back().shape) bytes *= dimension;
    out.bytes += std::ceil(bytes / kAlignment) * kAlignment;
  }
  for (int i = 0; i < out.op->param_count; i++) {
    const auto value = valid.params.find(out.op->params[i].name);
    out.params.push_back(value == valid.params.end() ? 0 : value->second);
  }
  for (int edits = in.below(4); edits > 0; edits--) edit(in, out);
  return out;
}

}  // namespace pt::fuzz
