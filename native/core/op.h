// Op and Command: a plan is a list of commands, a command is an op with its tensors and parameters.
//
// An OpDef is the machine-readable half of an op's contract (the header NAME.h is the human half). The recorder
// reads it to validate what JavaScript passes, so that a kernel only ever sees commands that satisfy it:
//   - every required tensor present, of an allowed dtype and rank, inside its region, 4-byte aligned or better;
//   - no tensor that is written overlaps any other tensor of the command;
//   - every parameter present, finite, within [min, max], integral where the slot says so;
//   - then OpDef::check has accepted the shapes against one another.
#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "core/status.h"
#include "core/tensor.h"
#include "core/workers.h"

namespace pt {

constexpr int kMaxTensors = 12;
constexpr int kMaxParams = 10;

enum class Access : uint8_t { read, write, update };  // update: read and written (+=, in place)

struct TensorSlot {
  const char* name;
  DType dtype;
  int rank;  // 0: any rank
  Access access;
  bool optional = false;
};

struct ParamSlot {
  const char* name;
  bool integer;
  double min;
  double max;
};

/// What a command costs: for the plan's table, floors and benchmarks.
struct Cost {
  double flops = 0;  // multiply and add counted apart; causal attention counts the causal half
  double bytes = 0;  // each tensor read or written once: the floor, not the traffic
};

struct OpDef;

struct Command {
  const OpDef* op = nullptr;
  TensorView tensors[kMaxTensors];
  double params[kMaxParams] = {0};

  const TensorView& tensor(int slot) const { return tensors[slot]; }
  bool has(int slot) const { return tensors[slot].data != nullptr; }
  float* f32(int slot) const { return static_cast<float*>(tensors[slot].data); }
  double* f64(int slot) const { return static_cast<double*>(tensors[slot].data); }
  int32_t* i32(int slot) const { return static_cast<int32_t*>(tensors[slot].data); }
  uint16_t* bf16(int slot) const { return static_cast<uint16_t*>(tensors[slot].data); }
  int64_t dim(int slot, int axis) const { return tensors[slot].shape[axis]; }
  int64_t integer(int param) const { return static_cast<int64_t>(params[param]); }
  bool flag(int param) const { return params[param] != 0; }
  float real(int param) const { return static_cast<float>(params[param]); }
};

struct OpDef {
  const char* name;
  const TensorSlot* tensors;
  int tensor_count;
  const ParamSlot* params;
  int param_count;

  /// Relations between shapes and parameters. Slots were validated one by one before.
  Status (*check)(const Command&);
  Cost (*cost)(const Command&);
  /// Bytes of scratch memory the CPU kernel needs (64-byte aligned), or null for none. The backend keeps one workspace,
  /// as large as the hungriest command wants; no command allocates.
  size_t (*cpu_workspace)(const Command&, int workers);
};

/// What a kernel gets besides its command.
struct Launch {
  Workers& workers;
  void* workspace;
};

using CpuKernel = Status (*)(const Command&, const Launch&);

template <int T, int P>
constexpr OpDef make_op(const char* name, const TensorSlot (&tensors)[T], const ParamSlot (&params)[P],
                        Status (*check)(const Command&), Cost (*cost)(const Command&),
                        size_t (*cpu_workspace)(const Command&, int) = nullptr) {
  static_assert(T <= kMaxTensors && P <= kMaxParams, "raise kMaxTensors or kMaxParams");
  return {name, tensors, T, params, P, check, cost, cpu_workspace};
}

/// An op without parameters.
template <int T>
constexpr OpDef make_op(const char* name, const TensorSlot (&tensors)[T], std::nullptr_t,
                        Status (*check)(const Command&), Cost (*cost)(const Command&),
                        size_t (*cpu_workspace)(const Command&, int) = nullptr) {
  static_assert(T <= kMaxTensors, "raise kMaxTensors");
  return {name, tensors, T, nullptr, 0, check, cost, cpu_workspace};
}

}  // namespace pt
