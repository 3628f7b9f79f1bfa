// Backend: what a device can do. The binding drives it from the one thread of the device's queue, in the order in which
// JavaScript asked; only `facts`, `needs`, `allocate` and `memory` may be asked from elsewhere.
//
// Work may be asynchronous: `run` and `write` return when the work is ordered behind all earlier work of this device,
// and call `done` when it has ended. `read` returns when the bytes are there.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "core/ceilings.h"
#include "core/plan.h"

namespace pt {

/// For people and for the typed mirror in lib/native.
struct DeviceFacts {
  std::string kind;   // "cpu", "cuda"
  std::string name;   // "avx512", "NVIDIA H200"
  int threads;        // of the CPU backend; 0 elsewhere
  DType compute;      // type of weights and activations
  std::string notes;  // one line each: where matrix products come from, what was restored
};

/// Memory of the device itself, bytes.
struct DeviceMemory {
  double free;
  double total;
};

class Backend {
 public:
  /// Called once, from any thread, in the order in which the work was given.
  using Done = std::function<void(const Status&)>;

  virtual ~Backend() = default;

  virtual DeviceFacts facts() const = 0;
  virtual const Needs& needs() const = 0;

  virtual Status allocate(size_t bytes, std::shared_ptr<Region>& out) = 0;
  virtual DeviceMemory memory() const = 0;
  /// Makes room for plans that need a workspace of up to `bytes`, so that lack of memory shows before the first of
  /// them.
  virtual Status reserve(size_t bytes) = 0;

  virtual void run(const std::shared_ptr<Plan>& plan, Done done) = 0;
  /// `from` stays valid until `done`.
  virtual void write(const std::shared_ptr<Region>& to, size_t offset, const void* from, size_t bytes, Done done) = 0;
  virtual Status read(const Region& from, size_t offset, void* to, size_t bytes) = 0;

  virtual Status measure_ceilings(Ceilings& out) = 0;

  /// Whether the entries of plans that run from now on are told what each took. The CPU always tells; CUDA then
  /// launches op by op, which is slower than a whole plan at once.
  virtual Status time_ops(bool) { return Status::success(); }

  // Where matrix products come from several libraries: which algorithm serves each shape, as text that another device
  // of the same kind can take over, so that a resumed run computes the same bits. Empty where there is no choice.
  virtual std::string choices() const { return {}; }
  virtual Status restore(const std::string&) { return Status::success(); }
};

}  // namespace pt
