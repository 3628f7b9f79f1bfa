#include "ops/gemm.h"

#include "cpu/gemm_blocking.h"
#include "cuda/gemm_blocking.h"

namespace pt::gemm {
static const TensorSlot kTensors[] = {
    {"a", SlotType::compute, 2, Access::read},
    {"b", SlotType::compute, 2, Access::read},
    {"c", SlotType::compute_or_f32, 2, Access::update},
};

static const ParamSlot kParams[] = {
    {"trans_a", true, 0, 1},
    {"trans_b", true, 0, 1},
    {"accumulate", true, 0, 1},
};

static int64_t inner_of(const Command& cmd) { return cmd.dim(a, cmd.flag(trans_a) ? 0 : 1); }

static Status check(const Command& cmd) {
  const bool ta = cmd.flag(trans_a), tb = cmd.flag(trans_b);
  const int64_t M = cmd.dim(a, ta ? 1 : 0), N = cmd.dim(b, tb ? 0 : 1);
  PT_CHECK(inner_of(cmd) == cmd.dim(b, tb ? 1 : 0) && cmd.dim(c, 0) == M && cmd.dim(c, 1) == N,
           "a%s is [%lld, %lld], b%s is [%lld, %lld], c is [%lld, %lld]; the product needs op(a) [M, inner], "
           "op(b) [inner, N], c [M, N]",
           ta ? " (transposed)" : "", (long long)cmd.dim(a, 0), (long long)cmd.dim(a, 1), tb ? " (transposed)" : "",
           (long long)cmd.dim(b, 0), (long long)cmd.dim(b, 1), (long long)cmd.dim(c, 0), (long long)cmd.dim(c, 1));
  return Status::success();
}

static Cost cost(const Command& cmd) {
  const double outputs = static_cast<double>(cmd.tensor(c).size()), inner = static_cast<double>(inner_of(cmd));
  return {2 * outputs * inner, cmd.flag(accumulate) ? cmd.bytes({a, b, c, c}) : cmd.bytes({a, b, c})};
}

static size_t cpu_workspace(const Command& cmd, int workers) {
  const cpu::GemmBlocking blocking(cmd.dim(c, 1), inner_of(cmd));
  return (blocking.right_floats() + blocking.left_floats() * static_cast<size_t>(workers)) * sizeof(float);
}

static size_t cuda_workspace(const Command& cmd) {
  const cuda::GemmShape shape(cmd);
  return cuda::GemmBlocking(shape).workspace_bytes(shape);
}

const OpDef def =
    make_op("gemm", kTensors, kParams, check, cost).on_cpu(cpu_workspace).on_cuda(nullptr, cuda_workspace);
}  // namespace pt::gemm
