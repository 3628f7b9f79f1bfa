#include "cpu/kernels.h"

namespace pt::cpu {

static const KernelEntry kEntries[] = {
#define PT_OP(name) {#name, name},
#include "ops/ops.inc"
#undef PT_OP
};

static const KernelTable kTable = {kKernelAbi, PT_CPU_LEVEL, kEntries,
                                   static_cast<int>(sizeof kEntries / sizeof kEntries[0]), measure_ceilings};

}  // namespace pt::cpu

extern "C" __attribute__((visibility("default"))) const pt::cpu::KernelTable* patchtrain_cpu_kernels() {
  return &pt::cpu::kTable;
}
