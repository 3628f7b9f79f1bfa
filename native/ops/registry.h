// The list of all ops, in one fixed order.
#pragma once
#include "core/op.h"

namespace pt {

struct OpList {
  const OpDef* const* defs;
  int count;
};

OpList all_ops();

/// null when there is no op of that name.
const OpDef* find_op(const char* name);

}  // namespace pt
