#include "ops/registry.h"

#include <cstring>

namespace pt {

#define PT_OP(name)       \
  namespace name {        \
  extern const OpDef def; \
  }
#include "ops/ops.inc"
#undef PT_OP

static const OpDef* const kDefs[] = {
#define PT_OP(name) &name::def,
#include "ops/ops.inc"
#undef PT_OP
};

OpList all_ops() { return {kDefs, static_cast<int>(sizeof kDefs / sizeof kDefs[0])}; }

const OpDef* find_op(const char* name) {
  for (const OpDef* def : kDefs)
    if (std::strcmp(def->name, name) == 0) return def;
  return nullptr;
}

}  // namespace pt
