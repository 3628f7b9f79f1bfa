// The CPU backend: the thread pool and the kernels of the best instruction-set level this processor has.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/plan.h"
#include "core/pool.h"
#include "cpu/kernels.h"

namespace pt {

class CpuBackend {
 public:
  /// `folder` holds the level objects. `level`: a level's name to insist on, or empty for the best one.
  static Status create(const std::string& folder, const std::string& level, int threads,
                       std::unique_ptr<CpuBackend>& out);

  const char* level() const { return table_->level; }
  int threads() const { return pool_.count(); }

  /// Runs every command in order; stops at the first that reports an error and names it.
  Status run(Plan& plan);

  /// What this processor can do at most, measured now: fp32 multiply-adds and copying.
  cpu::Ceilings measure_ceilings() { return table_->measure_ceilings(pool_); }

 private:
  CpuBackend(const cpu::KernelTable* table, std::vector<CpuKernel> kernels, int threads)
      : table_(table), kernels_(std::move(kernels)), pool_(threads) {}
  CpuKernel kernel_of(const OpDef* op) const;

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
