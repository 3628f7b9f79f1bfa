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

/// The element type that a slot takes. `compute` is the type of weights and activations: f32 on the CPU, bf16 on CUDA.
enum class SlotType : uint8_t { f32, bf16, f64, i32, compute, compute_or_f32 };

constexpr const char* name_of(SlotType type) {
  switch (type) {
    case SlotType::f32:
      return "f32";
    case SlotType::bf16:
      return "bf16";
    case SlotType::f64:
      return "f64";
    case SlotType::i32:
      return "i32";
    case SlotType::compute:
      return "compute";
    case SlotType::compute_or_f32:
      return "compute_or_f32";
  }
  return "?";
}

constexpr bool accepts(SlotType slot, DType given, DType compute) {
  switch (slot) {
    case SlotType::f32:
      return given == DType::f32;
    case SlotType::bf16:
      return given == DType::bf16;
    case SlotType::f64:
      return given == DType::f64;
    case SlotType::i32:
      return given == DType::i32;
    case SlotType::compute:
      return given == compute;
    case SlotType::compute_or_f32:
      return given == compute || given == DType::f32;
  }
  return false;
}

struct TensorSlot {
  const char* name;
  SlotType type;
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
  /// Of the given tensors together, each counted as often as it is named; absent ones are nothing.
  double bytes(std::initializer_list<int> slots) const {
    double sum = 0;
    for (int slot : slots)
      if (has(slot)) sum += static_cast<double>(tensors[slot].bytes());
    return sum;
  }
};

struct OpDef {
  using Check = Status (*)(const Command&);

  const char* name;
  const TensorSlot* tensors;
  int tensor_count;
  const ParamSlot* params;
  int param_count;

  /// Relations between shapes and parameters. Slots were validated one by one before.
  Check check;
  Cost (*cost)(const Command&);

  // Bytes of scratch memory the kernels need, or null for none; 64-byte aligned on the CPU, 256-byte on CUDA. A backend
  // keeps one workspace, as large as the hungriest command wants; no command allocates.
  size_t (*cpu_workspace)(const Command&, int workers) = nullptr;
  size_t (*cuda_workspace)(const Command&) = nullptr;
  /// What the CUDA kernels cannot do beyond `check` (a head dim without a kernel), or null.
  Check cuda_check = nullptr;

  constexpr OpDef on_cpu(size_t (*workspace)(const Command&, int)) const {
    OpDef with = *this;
    with.cpu_workspace = workspace;
    return with;
  }
  constexpr OpDef on_cuda(Check only, size_t (*workspace)(const Command&) = nullptr) const {
    OpDef with = *this;
    with.cuda_check = only;
    with.cuda_workspace = workspace;
    return with;
  }
};

/// What a CPU kernel gets besides its command.
struct Launch {
  Workers& workers;
  void* workspace;
};

using CpuKernel = Status (*)(const Command&, const Launch&);

template <int T, int P>
constexpr OpDef make_op(const char* name, const TensorSlot (&tensors)[T], const ParamSlot (&params)[P],
                        OpDef::Check check, Cost (*cost)(const Command&)) {
  static_assert(T <= kMaxTensors && P <= kMaxParams, "raise kMaxTensors or kMaxParams");
  return {name, tensors, T, params, P, check, cost};
}

/// An op without parameters.
template <int T>
constexpr OpDef make_op(const char* name, const TensorSlot (&tensors)[T], std::nullptr_t, OpDef::Check check,
                        Cost (*cost)(const Command&)) {
  static_assert(T <= kMaxTensors, "raise kMaxTensors");
  return {name, tensors, T, nullptr, 0, check, cost};
}

}  // namespace pt
