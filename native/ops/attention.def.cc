#include "ops/attention.h"

#include "cpu/attention_blocking.h"
#include "cuda/attention_blocking.h"

namespace pt {

using Shape = cpu::AttentionShape;

static Status check_shape(const Shape& s, int64_t rows) {
  PT_CHECK(s.H % s.G == 0, "heads is %lld, kv_heads %lld; kv_heads must divide heads", (long long)s.H, (long long)s.G);
  PT_CHECK(s.D % 2 == 0, "head_dim is %lld; it must be even", (long long)s.D);
  PT_CHECK(rows % s.T == 0, "qkv has %lld rows; sequences of %lld positions need a multiple of it", (long long)rows,
           (long long)s.T);
  return Status::success();
}

static Status check_matrix(const Command& c, int slot, int64_t rows, int64_t columns) {
  PT_CHECK(c.dim(slot, 0) == rows && c.dim(slot, 1) == columns, "%s is [%lld, %lld]; it needs [%lld, %lld]",
           c.op->tensors[slot].name, (long long)c.dim(slot, 0), (long long)c.dim(slot, 1), (long long)rows,
           (long long)columns);
  return Status::success();
}

static const ParamSlot kParams[] = {
    {"heads", true, 1, 1 << 16},
    {"kv_heads", true, 1, 1 << 16},
    {"head_dim", true, 2, cpu::kMaxHeadDim},
    {"positions", true, 1, 1 << 30},
};

static Status check_for_cuda(const Command& c) { return cuda::check_head_dim(c.integer(attention::head_dim)); }

static double score_pairs(const Shape& s) {
  const double T = static_cast<double>(s.T);
  return static_cast<double>(s.B * s.H) * T * (T + 1) / 2;
}

}  // namespace pt

namespace pt::attention {
static const TensorSlot kTensors[] = {
    {"qkv", SlotType::compute, 2, Access::read},
    {"y", SlotType::compute, 2, Access::write},
    {"lse", SlotType::f32, 2, Access::write},
};

static Status check(const Command& c) {
  const int64_t R = c.dim(qkv, 0);
  const Shape s(c);
  if (Status bad = check_shape(s, R); !bad.ok()) return bad;
  if (Status bad = check_matrix(c, qkv, R, s.width()); !bad.ok()) return bad;
  if (Status bad = check_matrix(c, y, R, s.H * s.D); !bad.ok()) return bad;
  return check_matrix(c, lse, s.B * s.H, s.T);
}

static Cost cost(const Command& c) { return {4 * score_pairs(Shape(c)) * c.params[head_dim], c.bytes({qkv, y, lse})}; }

static size_t workspace(const Command& c, int workers) { return Shape(c).forward_floats(workers) * sizeof(float); }

const OpDef def = make_op("attention", kTensors, kParams, check, cost).on_cpu(workspace).on_cuda(check_for_cuda);
}  // namespace pt::attention

namespace pt::attention_backward {
static const TensorSlot kTensors[] = {
    {"qkv", SlotType::compute, 2, Access::read},   {"y", SlotType::compute, 2, Access::read},
    {"dy", SlotType::compute, 2, Access::read},    {"lse", SlotType::f32, 2, Access::read},
    {"dqkv", SlotType::compute, 2, Access::write},
};

static Status check(const Command& c) {
  const int64_t R = c.dim(qkv, 0);
  const Shape s(c);
  if (Status bad = check_shape(s, R); !bad.ok()) return bad;
  for (int slot : {qkv, dqkv})
    if (Status bad = check_matrix(c, slot, R, s.width()); !bad.ok()) return bad;
  for (int slot : {y, dy})
    if (Status bad = check_matrix(c, slot, R, s.H * s.D); !bad.ok()) return bad;
  return check_matrix(c, lse, s.B * s.H, s.T);
}

static Cost cost(const Command& c) {
  return {10 * score_pairs(Shape(c)) * c.params[head_dim], c.bytes({qkv, y, dy, lse, dqkv})};
}

static size_t workspace(const Command& c, int workers) { return Shape(c).backward_floats(workers) * sizeof(float); }

static size_t cuda_workspace(const Command& c) {
  const Shape s(c);
  return static_cast<size_t>(s.B * s.H * cuda::row_stats_stride(s.T)) * 2 * sizeof(float);
}

const OpDef def = make_op("attention_backward", kTensors, kParams, check, cost)
                      .on_cpu(workspace)
                      .on_cuda(check_for_cuda, cuda_workspace);
}  // namespace pt::attention_backward
