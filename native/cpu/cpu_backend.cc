#include "cpu/cpu_backend.h"

#include <dlfcn.h>
#include <unistd.h>

#include <chrono>
#include <cstring>

#include "ops/registry.h"

namespace pt {

std::vector<CpuLevel> cpu_levels() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512cd");
  return {{"avx512", avx512}, {"avx2", avx2}, {"x64-v2", static_cast<bool>(__builtin_cpu_supports("sse4.2"))}};
#else
  return {{"neon", true}};
#endif
}

static Status load_level(const std::string& folder, const char* name, const cpu::KernelTable*& table) {
  const std::string path = folder + "/patchtrain-cpu-" + name + ".so";
  // Never closed: threads may still be inside when the process tears down.
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library) return Status::error(Code::unavailable, "cannot load the CPU kernels: %s", dlerror());
  const auto entry = reinterpret_cast<decltype(&patchtrain_cpu_kernels)>(dlsym(library, "patchtrain_cpu_kernels"));
  table = entry ? entry() : nullptr;
  if (!table || table->abi != cpu::kKernelAbi)
    return Status::error(Code::unavailable, "%s belongs to another build; build the addon again", path.c_str());
  return Status::success();
}

Status CpuBackend::create(const std::string& folder, const std::string& level, int threads,
                          std::unique_ptr<Backend>& out) {
  const CpuLevel* chosen = nullptr;
  const std::vector<CpuLevel> levels = cpu_levels();
  for (const CpuLevel& candidate : levels) {
    if (level.empty() ? !candidate.supported : level != candidate.name) continue;
    chosen = &candidate;
    break;
  }
  PT_CHECK(chosen, level.empty() ? "this processor lacks SSE4.2, the least that the CPU backend needs"
                                 : "there is no CPU level of that name in this build");
  if (!chosen->supported)
    return Status::error(Code::unavailable, "this processor cannot run the CPU level %s", chosen->name);

  const cpu::KernelTable* table = nullptr;
  if (Status s = load_level(folder, chosen->name, table); !s.ok()) return s;
  const OpList ops = all_ops();
  std::vector<CpuKernel> kernels(ops.count, nullptr);
  for (int i = 0; i < ops.count; i++)
    for (int j = 0; j < table->count; j++)
      if (std::strcmp(ops.defs[i]->name, table->entries[j].op) == 0) kernels[i] = table->entries[j].kernel;
  out.reset(new CpuBackend(table, std::move(kernels), threads > 0 ? threads : allowed_threads()));
  return Status::success();
}

CpuKernel CpuBackend::kernel_of(const OpDef* op) const {
  const OpList ops = all_ops();
  for (int i = 0; i < ops.count; i++)
    if (ops.defs[i] == op) return kernels_[i];
  return nullptr;
}

DeviceFacts CpuBackend::facts() const { return {"cpu", table_->level, pool_.count(), DType::f32, ""}; }

DeviceMemory CpuBackend::memory() const {
  const double page = static_cast<double>(sysconf(_SC_PAGESIZE));
  return {static_cast<double>(sysconf(_SC_AVPHYS_PAGES)) * page, static_cast<double>(sysconf(_SC_PHYS_PAGES)) * page};
}

size_t CpuBackend::workspace(const Command& command) const {
  return command.op->cpu_workspace ? command.op->cpu_workspace(command, pool_.count()) : 0;
}

void CpuBackend::run(const std::shared_ptr<Plan>& plan, Done done) { done(run_all(*plan)); }

void CpuBackend::write(const std::shared_ptr<Region>& to, size_t offset, const void* from, size_t bytes, Done done) {
  if (bytes) std::memcpy(to->data() + offset, from, bytes);
  done(Status::success());
}

Status CpuBackend::read(const Region& from, size_t offset, void* to, size_t bytes) {
  if (bytes) std::memcpy(to, from.data() + offset, bytes);
  return Status::success();
}

Status CpuBackend::measure_ceilings(Ceilings& out) {
  out = table_->measure_ceilings(pool_);
  return Status::success();
}

Status CpuBackend::reserve(size_t bytes) {
  if (bytes == 0 || (workspace_ && workspace_->bytes() >= bytes)) return Status::success();
  return HostRegion::allocate(bytes, workspace_);
}

Status CpuBackend::run_all(Plan& plan) {
  if (Status s = reserve(plan.workspace_bytes()); !s.ok()) return s;
  const Launch launch{pool_, workspace_ ? workspace_->data() : nullptr};
  for (const auto& entry : plan.entries()) {
    const CpuKernel kernel = kernel_of(entry->command.op);
    if (!kernel) return Status::error(Code::unavailable, "%s has no CPU kernel", entry->command.op->name);
    const auto start = std::chrono::steady_clock::now();
    if (Status s = kernel(entry->command, launch); !s.ok())
      return Status::error(s.code, "%s: %s", entry->command.op->name, s.message);
    const auto elapsed = std::chrono::steady_clock::now() - start;
    entry->nanoseconds += std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count();
    entry->runs++;
  }
  return Status::success();
}

}  // namespace pt
