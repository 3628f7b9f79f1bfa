// The CPU backend: the thread pool and the kernels of the best instruction-set level this processor has.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/backend.h"
#include "core/pool.h"
#include "cpu/host_region.h"
#include "cpu/kernels.h"

namespace pt {

class CpuBackend final : public Backend, private Needs {
 public:
  /// `folder` holds the level objects. `level`: a level's name to insist on, or empty for the best one.
  static Status create(const std::string& folder, const std::string& level, int threads, std::unique_ptr<Backend>& out);

  DeviceFacts facts() const override;
  const Needs& needs() const override { return *this; }

  Status allocate(size_t bytes, std::shared_ptr<Region>& out) override { return HostRegion::allocate(bytes, out); }
  DeviceMemory memory() const override;
  Status reserve(size_t bytes) override;

  /// Runs every command in order; stops at the first that reports an error and names it.
  void run(const std::shared_ptr<Plan>& plan, Done done) override;
  void write(const std::shared_ptr<Region>& to, size_t offset, const void* from, size_t bytes, Done done) override;
  Status read(const Region& from, size_t offset, void* to, size_t bytes) override;

  Status measure_ceilings(Ceilings& out) override;

 private:
  CpuBackend(const cpu::KernelTable* table, std::vector<CpuKernel> kernels, int threads)
      : table_(table), kernels_(std::move(kernels)), pool_(threads) {}
  CpuKernel kernel_of(const OpDef* op) const;
  Status run_all(Plan& plan);

  DType compute_type() const override { return DType::f32; }
  size_t alignment() const override { return 1; }  // beyond each element's own size
  Status check(const Command&) const override { return Status::success(); }
  size_t workspace(const Command& command) const override;

  const cpu::KernelTable* table_;
  std::vector<CpuKernel> kernels_;  // in the order of all_ops()
  Pool pool_;
  std::shared_ptr<Region> workspace_;  // grows to what the hungriest plan so far needs
};

/// Levels this build knows, best first, and whether this processor can run each.
struct CpuLevel {
  const char* name;
  bool supported;
};
std::vector<CpuLevel> cpu_levels();

}  // namespace pt
