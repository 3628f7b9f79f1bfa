// The CUDA backend: one device, one stream, every plan a graph.
//
// A plan's first run launches its kernels one by one (and lets the products choose their algorithms); its second run
// captures the same launches into a graph, and from then on a run is one call. Nothing in a run waits for the device.
// While ops are timed, runs launch one by one.
#pragma once
#include <atomic>
#include <memory>

#include "core/backend.h"
#include "cuda/completer.h"
#include "cuda/fault_box.h"
#include "cuda/launch.h"
#include "cuda/library.h"
#include "cuda/op_timer.h"
#include "cuda/owned_stream.h"
#include "cuda/products.h"
#include "cuda/staging.h"

namespace pt::cuda {

/// The devices of this host, or why there is none.
Status find_devices(Probe& out);

class CudaBackend final : public Backend, private Needs {
 public:
  static Status create(const CreateOptions&, std::unique_ptr<Backend>& out);

  DeviceFacts facts() const override;
  const Needs& needs() const override { return *this; }

  Status allocate(size_t bytes, std::shared_ptr<Region>& out) override;
  DeviceMemory memory() const override;
  Status reserve(size_t bytes) override;

  void run(const std::shared_ptr<Plan>& plan, Done done) override;
  void write(const std::shared_ptr<Region>& to, size_t offset, const void* from, size_t bytes, Done done) override;
  Status read(const Region& from, size_t offset, void* to, size_t bytes) override;

  Status measure_ceilings(Ceilings& out) override;
  Status time_ops(bool on) override {
    time_ops_ = on;
    return Status::success();
  }

  std::string choices() const override { return products_->choices(); }
  Status restore(const std::string& text) override { return products_->restore(text); }

 private:
  CudaBackend(const DeviceInfo& info, std::unique_ptr<Products> products)
      : info_(info), stream_(info.index), products_(std::move(products)), completer_(info.index) {}
  Status open();
  Status enter() const;
  Status submit(Plan& plan, OpTimer* timer, Fault*& copy);
  Status fit_workspace(size_t bytes);
  Launch launch_for(int32_t number);
  Status prepare_products(Plan& plan);
  Status launch_all(Plan& plan, OpTimer* timer = nullptr);
  Status capture(Plan& plan);

  DType compute_type() const override { return DType::bf16; }
  size_t alignment() const override { return 16; }
  Status check(const Command& command) const override;
  size_t workspace(const Command& command) const override;

  // Destroyed from the last to the first: the completer waits for what is under way and may look at the rest; the
  // stream outlives all that is recorded on it.
  const DeviceInfo info_;
  OwnedStream stream_;
  std::unique_ptr<Products> products_;
  FaultBox faults_;
  std::atomic<bool> fault_told_{false};  // it was told of, so the next run starts with a clean one
  bool time_ops_ = false;
  Staging staging_;
  std::shared_ptr<Region> workspace_;  // grows to what the hungriest plan so far needs
  Completer completer_;
};

}  // namespace pt::cuda
