// The CPU kernels of one instruction-set level, and the table through which the addon finds them.
// Each level is a shared object of its own: template code compiled for AVX-512 can then never be
// merged by the linker with the same template compiled for an older processor.
#pragma once
#include "core/ceilings.h"
#include "core/op.h"

namespace pt::cpu {

#define PT_OP(name) Status name(const Command&, const Launch&);
#include "ops/ops.inc"
#undef PT_OP

/// Raised whenever Command, Launch, Workers or the op list changes: an object of another build is refused.
constexpr int kKernelAbi = 2;

struct KernelEntry {
  const char* op;
  CpuKernel kernel;
};

/// With all workers; fp32 multiply-adds in registers, two FLOPs each.
Ceilings measure_ceilings(Workers&);

struct KernelTable {
  int abi;
  const char* level;  // "x64-v2", "avx2", "avx512", "neon"
  const KernelEntry* entries;
  int count;
  Ceilings (*measure_ceilings)(Workers&);
};

}  // namespace pt::cpu

/// The only symbol a level's shared object exports.
extern "C" const pt::cpu::KernelTable* patchtrain_cpu_kernels();
