// One thread a token. What counts is the launch: a vocabulary is read in a microsecond.
#include "cuda/bf16.cuh"
#include "cuda/kernels.h"
#include "ops/repetition_penalty.h"

namespace pt::cuda {
namespace repetition_penalty_kernels {

constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads) penalise(bf16* logits, const int32_t* seen, float penalty, int V) {
  const int v = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
  if (v >= V || seen[v] == 0) return;
  const float z = load(logits + v);
  store(logits + v, z > 0 ? z / penalty : z * penalty);
}

}  // namespace repetition_penalty_kernels

// --------------------------------------------------------------------------------------------------------------------

Status repetition_penalty(const Command& c, const Launch& launch) {
  namespace op = pt::repetition_penalty;
  using namespace repetition_penalty_kernels;
  const int V = static_cast<int>(c.dim(op::logits, 0));
  return start(launch, "repetition_penalty", penalise, blocks_for(V, kThreads), kThreads, 0,
               static_cast<bf16*>(c.tensor(op::logits).data), static_cast<const int32_t*>(c.i32(op::seen)),
               c.real(op::penalty), V);
}

}  // namespace pt::cuda
