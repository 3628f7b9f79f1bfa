// Runs the ops once each on the same pseudo-random data and prints sums of what they wrote, to few enough digits that
// two instruction sets agree. For platforms that the tests cannot run on: scripts/check-aarch64.sh.
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/plan.h"
#include "core/pool.h"
#include "cpu/host_region.h"
#include "cpu/kernels.h"
#include "ops/registry.h"

using namespace pt;
using Shapes = std::map<std::string, std::vector<double>>;

constexpr int B = 2, T = 65, K = 3, C = 67, G = 2, H = 4, D = 64, F = 35, V = 101, R = B * T, P = (H + 2 * G) * D;

static const std::map<std::string, Shapes> kOps = {
    {"fill_normal", {{"y", {R, C}}}},
    {"gemm", {{"a", {R, C}}, {"b", {F, C}}, {"c", {R, F}}}},
    {"patch_embedding", {{"ids", {B, T* K}}, {"table", {V, C}}, {"y", {R, C}}}},
    {"patch_embedding_backward", {{"ids", {B, T* K}}, {"dy", {R, C}}, {"dtable", {V, C}}}},
    {"rms_norm", {{"x", {R, C}}, {"delta", {R, C}}, {"weight", {C}}, {"sum", {R, C}}, {"y", {R, C}}, {"rstd", {R}}}},
    {"rms_norm_backward",
     {{"dy", {R, C}}, {"x", {R, C}}, {"weight", {C}}, {"rstd", {R}}, {"dx", {R, C}}, {"dweight", {C}}}},
    {"rope", {{"x", {R, P}}, {"cos", {T, D / 2}}, {"sin", {T, D / 2}}}},
    {"attention", {{"qkv", {R, P}}, {"y", {R, H* D}}, {"lse", {B * H, T}}}},
    {"attention_backward",
     {{"qkv", {R, P}}, {"y", {R, H* D}}, {"dy", {R, H* D}}, {"lse", {B * H, T}}, {"dqkv", {R, P}}}},
    {"swiglu", {{"gate_up", {R, 2 * F}}, {"y", {R, F}}}},
    {"swiglu_backward", {{"gate_up", {R, 2 * F}}, {"dy", {R, F}}, {"dgate_up", {R, 2 * F}}}},
    {"cross_entropy", {{"logits", {R, V}}, {"ids", {B, T* K}}, {"loss", {R}}, {"scale", {1}}}},
    {"grad_norm", {{"gradient", {R, C}}, {"result", {3}}}},
    {"adamw", {{"weight", {R}}, {"gradient", {R}}, {"m", {R}}, {"v", {R}}, {"step", {3}}}},
    {"cached_attention", {{"qkv", {T, P}}, {"cache", {2, T + 3, G* D}}, {"y", {T, H* D}}, {"position", {1}}}},
};

static const std::map<std::string, double> kParams = {
    {"seed_low", 1},  {"seed_high", 2},  {"stream", 3},   {"std", 0.5},   {"trans_a", 0},
    {"trans_b", 1},   {"accumulate", 1}, {"patch", K},    {"eps", 1e-5},  {"accumulate_dx", 1},
    {"heads", H},     {"kv_heads", G},   {"head_dim", D}, {"inverse", 0}, {"accumulate_dweight", 0},
    {"gradient", 1},  {"max_norm", 1},   {"beta1", 0.9},  {"beta2", .95}, {"weight_decay", 0.1},
    {"positions", T}, {"first_row", 0},
};

/// Uniform in −½ … ½.
static double draw(uint64_t& state) {
  state = state * 6364136223846793005ull + 1442695040888963407ull;
  return static_cast<double>(state >> 40) / (1 << 24) - 0.5;
}

static DType type_of(const TensorSlot& slot) {
  return slot.type == SlotType::i32 ? DType::i32 : slot.type == SlotType::f64 ? DType::f64 : DType::f32;
}

/// Values that make sense in a slot: ids in the vocabulary, second moments and reciprocals above zero.
static void fill(const TensorSlot& slot, Region& region, size_t n, uint64_t& state) {
  const std::string name = slot.name;
  for (size_t j = 0; j < n; j++) {
    const double x = draw(state);
    if (slot.type == SlotType::i32) {
      reinterpret_cast<int32_t*>(region.data())[j] = name == "position" ? 2 : static_cast<int>((x + 0.5) * V);
    } else if (slot.type == SlotType::f64) {
      reinterpret_cast<double*>(region.data())[j] = name == "step" ? 0.1 : 0.01;
    } else {
      const double value = name == "v" || name == "rstd" ? std::fabs(x) + 0.1 : name == "lse" ? 8 + x : x;
      reinterpret_cast<float*>(region.data())[j] = static_cast<float>(value);
    }
  }
}

static void print_sums(const TensorSlot& slot, const TensorView& view) {
  double size = 0, mixed = 0;
  for (int64_t j = 0; j < view.size(); j++) {
    const double x = view.dtype == DType::f64 ? static_cast<double*>(view.data)[j] : static_cast<float*>(view.data)[j];
    size += std::fabs(x);
    mixed += x * std::sin(static_cast<double>(j));
  }
  std::printf(" %s %.5g %.4g", slot.name, size, mixed);
}

struct CpuNeeds final : Needs {
  explicit CpuNeeds(const Workers& workers) : workers(workers) {}
  DType compute_type() const override { return DType::f32; }
  size_t alignment() const override { return 1; }
  Status check(const Command&) const override { return Status::success(); }
  size_t workspace(const Command& c) const override {
    return c.op->cpu_workspace ? c.op->cpu_workspace(c, workers.count()) : 0;
  }
  const Workers& workers;
};

static Status run(const OpDef& op, const Shapes& shapes, Workers& workers) {
  std::vector<TensorRequest> requests(op.tensor_count);
  std::vector<double> params;
  uint64_t state = 42;
  for (int i = 0; i < op.tensor_count; i++) {
    const auto shape = shapes.find(op.tensors[i].name);
    if (shape == shapes.end()) continue;
    double n = 1;
    for (double d : shape->second) n *= d;
    requests[i].shape = shape->second;
    requests[i].dtype = type_of(op.tensors[i]);
    const size_t bytes = static_cast<size_t>(n) * size_of(requests[i].dtype);
    if (Status s = HostRegion::allocate(bytes, requests[i].region); !s.ok()) return s;
    fill(op.tensors[i], *requests[i].region, static_cast<size_t>(n), state);
  }
  const bool rope = std::string(op.name) == "rope";
  for (int i = 0; i < op.param_count; i++) {
    const std::string name = op.params[i].name;
    params.push_back(rope && name == "heads" ? H + G : kParams.at(name));
  }
  Plan plan("every op");
  if (Status s = plan.record(op, requests, params, CpuNeeds(workers)); !s.ok()) return s;
  std::shared_ptr<Region> workspace;
  if (plan.workspace_bytes() > 0)
    if (Status s = HostRegion::allocate(plan.workspace_bytes(), workspace); !s.ok()) return s;

  const cpu::KernelTable* table = patchtrain_cpu_kernels();
  const Command& command = plan.entries()[0]->command;
  for (int i = 0; i < table->count; i++) {
    if (std::string(op.name) != table->entries[i].op) continue;
    if (Status s = table->entries[i].kernel(command, Launch{workers, workspace ? workspace->data() : nullptr}); !s.ok())
      return s;
  }
  for (int i = 0; i < op.tensor_count; i++)
    if (op.tensors[i].access != Access::read && command.has(i) && op.tensors[i].type != SlotType::i32)
      print_sums(op.tensors[i], command.tensor(i));
  return Status::success();
}

int main() {
  Pool pool(2);
  for (const auto& [name, shapes] : kOps) {
    std::printf("%s", name.c_str());
    const Status status = run(*find_op(name.c_str()), shapes, pool);
    std::printf(" %s\n", status.ok() ? "ok" : status.message);
    if (!status.ok()) return 1;
  }
}
