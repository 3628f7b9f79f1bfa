#include "ops/repetition_penalty.h"

#include "cpu/kernels.h"

namespace pt::cpu {

Status repetition_penalty(const Command& c, const Launch& launch) {
  namespace op = pt::repetition_penalty;
  constexpr int64_t kBlock = 1 << 14;  // tokens a task
  float* __restrict logits = c.f32(op::logits);
  const int32_t* __restrict seen = c.i32(op::seen);
  const float penalty = c.real(op::penalty);
  parallel_blocks(launch.workers, c.dim(op::logits, 0), kBlock, [=](int64_t begin, int64_t end, int) {
    for (int64_t v = begin; v < end; v++)
      if (seen[v] != 0) logits[v] = logits[v] > 0 ? logits[v] / penalty : logits[v] * penalty;
  });
  return Status::success();
}

}  // namespace pt::cpu
