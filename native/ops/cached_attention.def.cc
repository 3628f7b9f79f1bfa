#include "ops/cached_attention.h"

#include "cuda/attention_blocking.h"

namespace pt {

static const ParamSlot kParams[] = {
    {"heads", true, 1, 1 << 16},
    {"kv_heads", true, 1, 1 << 16},
    {"head_dim", true, 1, 1 << 16},
};

/// Both ops have the same parameters and begin with qkv and cache.
static Status check_cache(const Command& c, int position_slot) {
  namespace op = kv_append;
  const int64_t H = c.integer(op::heads), G = c.integer(op::kv_heads), D = c.integer(op::head_dim);
  const int64_t width = (H + 2 * G) * D;
  PT_CHECK(H % G == 0, "heads is %lld, kv_heads %lld; kv_heads must divide heads", (long long)H, (long long)G);
  PT_CHECK(c.dim(op::qkv, 1) == width,
           "qkv is [%lld, %lld]; %lld query and 2 x %lld key/value heads of %lld need %lld columns",
           (long long)c.dim(op::qkv, 0), (long long)c.dim(op::qkv, 1), (long long)H, (long long)G, (long long)D,
           (long long)width);
  PT_CHECK(c.dim(op::cache, 0) == 2 && c.dim(op::cache, 2) == G * D,
           "cache is [%lld, %lld, %lld]; it needs [2, P, %lld]", (long long)c.dim(op::cache, 0),
           (long long)c.dim(op::cache, 1), (long long)c.dim(op::cache, 2), (long long)(G * D));
  PT_CHECK(c.dim(op::qkv, 0) <= c.dim(op::cache, 1), "qkv has %lld rows; the cache holds %lld positions",
           (long long)c.dim(op::qkv, 0), (long long)c.dim(op::cache, 1));
  PT_CHECK(c.dim(position_slot, 0) == 1, "position has %lld elements; it needs 1", (long long)c.dim(position_slot, 0));
  return Status::success();
}

static Status check_for_cuda(const Command& c) { return cuda::check_head_dim(c.integer(kv_append::head_dim)); }

}  // namespace pt

namespace pt::kv_append {
static const TensorSlot kTensors[] = {
    {"qkv", SlotType::compute, 2, Access::read},
    {"cache", SlotType::compute, 3, Access::update},
    {"position", SlotType::i32, 1, Access::read},
};

static Status check(const Command& c) { return check_cache(c, position); }

/// The keys and values of the new rows, read once and written once.
static Cost cost(const Command& c) {
  const double elements = 2.0 * static_cast<double>(c.dim(qkv, 0) * c.dim(cache, 2));
  return {0, 2 * elements * static_cast<double>(size_of(c.tensor(cache).dtype))};
}

const OpDef def = make_op("kv_append", kTensors, kParams, check, cost).on_cuda(check_for_cuda);
}  // namespace pt::kv_append

namespace pt::cached_attention {
static const TensorSlot kTensors[] = {
    {"qkv", SlotType::compute, 2, Access::read},
    {"cache", SlotType::compute, 3, Access::read},
    {"y", SlotType::compute, 2, Access::write},
    {"position", SlotType::i32, 1, Access::read},
};

static Status check(const Command& c) {
  if (Status bad = check_cache(c, position); !bad.ok()) return bad;
  const int64_t n = c.dim(qkv, 0), width = c.integer(heads) * c.integer(head_dim);
  PT_CHECK(c.dim(y, 0) == n && c.dim(y, 1) == width, "y is [%lld, %lld]; it needs [%lld, %lld]", (long long)c.dim(y, 0),
           (long long)c.dim(y, 1), (long long)n, (long long)width);
  return Status::success();
}

/// For a full cache: where in it a run starts is only known then.
static Cost cost(const Command& c) {
  const double n = static_cast<double>(c.dim(qkv, 0)), P = static_cast<double>(c.dim(cache, 1));
  const double q = static_cast<double>(c.integer(heads) * c.integer(head_dim));
  return {4 * n * P * q, c.bytes({cache, y, y})};  // the queries are as large as y
}

static size_t workspace(const Command& c, int workers) {
  return static_cast<size_t>(c.dim(cache, 1) * workers) * sizeof(float);
}

static size_t cuda_workspace(const Command& c) {
  const int64_t n = c.dim(qkv, 0);
  const int64_t partials = n * c.integer(heads) * cuda::CacheSplits(n, c.dim(cache, 1)).count;
  return static_cast<size_t>(partials * cuda::partial_floats(c.integer(head_dim))) * sizeof(float);
}

const OpDef def = make_op("cached_attention", kTensors, kParams, check, cost)
                      .on_cpu(workspace)
                      .on_cuda(check_for_cuda, cuda_workspace);
}  // namespace pt::cached_attention
