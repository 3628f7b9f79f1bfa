// Plan: a recorded list of commands that runs as one. Recording validates each command against its op's contract;
// a recorded plan is therefore safe to run any number of times. A plan keeps its regions alive.
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "core/op.h"
#include "core/region.h"

namespace pt {

/// A tensor as the caller describes it: nothing in it has been checked.
struct TensorRequest {
  std::shared_ptr<Region> region;  // null: the slot is left empty
  double offset = 0;               // bytes
  DType dtype = DType::f32;
  std::vector<double> shape;
};

/// What recording must know of the device that will run the plan.
class Needs {
 public:
  virtual ~Needs() = default;
  /// Type of weights and activations.
  virtual DType compute_type() const = 0;
  /// Bytes that a tensor's first element must be aligned to, if it has as many.
  virtual size_t alignment() const = 0;
  /// What this device's kernels cannot do, beyond the op's own contract.
  virtual Status check(const Command& command) const = 0;
  virtual size_t workspace(const Command& command) const = 0;
};

struct PlanEntry {
  Command command;
  Cost cost;
  std::atomic<int64_t> nanoseconds{0};  // summed over all runs
  std::atomic<int64_t> runs{0};
};

class Plan {
 public:
  explicit Plan(std::string label) : label_(std::move(label)) {}

  /// `tensors` and `params` in the order of the op's slots.
  Status record(const OpDef& op, const std::vector<TensorRequest>& tensors, const std::vector<double>& params,
                const Needs& needs);

  const std::string& label() const { return label_; }
  const std::vector<std::unique_ptr<PlanEntry>>& entries() const { return entries_; }
  /// What the hungriest command needs; the backend lends the same workspace to every plan it runs.
  size_t workspace_bytes() const { return workspace_bytes_; }

  /// What a backend made of the plan and keeps with it, a captured graph say. It goes with the plan.
  struct Compiled {
    virtual ~Compiled() = default;
  };
  std::unique_ptr<Compiled> compiled;

 private:
  std::string label_;
  std::vector<std::unique_ptr<PlanEntry>> entries_;
  std::vector<std::shared_ptr<Region>> regions_;
  size_t workspace_bytes_ = 0;
};

}  // namespace pt
