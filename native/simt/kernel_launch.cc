#include "simt/kernel_launch.h"

#include <cxxabi.h>
#include <dlfcn.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include "simt/block.h"
#include "simt/checker.h"
#include "simt/machine.h"
#include "simt/memory.h"
#include "simt/report.h"
#include "simt/shared_memory.h"
#include "simt/stats.h"

namespace simt {

std::string KernelLaunch::name() const {
  Dl_info info;
  if (!dladdr(kernel, &info) || !info.dli_sname || info.dli_saddr != kernel) return "a kernel";
  int status;
  char* demangled = abi::__cxa_demangle(info.dli_sname, nullptr, nullptr, &status);
  std::string name = demangled ? demangled : info.dli_sname;
  std::free(demangled);
  // "void f<true>(float*, int)" → "f<true>"
  const size_t arguments = name.rfind('(');
  if (arguments != std::string::npos) name.resize(arguments);
  if (name.rfind("void ", 0) == 0) name.erase(0, 5);
  return name;
}

std::string KernelLaunch::describe(const Allocation& allocation) const {
  const std::string size = "an allocation of " + std::to_string(allocation.bytes) + " bytes";
  for (size_t i = 0; i < pointers.size(); i++)
    if (pointers[i] && device_memory().near(pointers[i]) == &allocation)
      return "argument " + std::to_string(i) + ", " + size;
  return size;
}

const char* refuse(const KernelLaunch& launch, const Machine& machine) {
  const dim3 g = launch.grid, b = launch.block;
  const uint64_t threads = uint64_t{b.x} * b.y * b.z;
  if (g.x == 0 || g.y == 0 || g.z == 0 || threads == 0) return "the grid or the block is empty";
  if (g.x > 0x7fffffffu || g.y > 65535 || g.z > 65535) return "the grid is larger than 2147483647 x 65535 x 65535";
  if (threads > 1024 || b.z > 64) return "the block has more than 1024 threads, or z over 64";
  if (threads % kWarpSize != 0) return "the number of threads of a block is not a multiple of 32";
  if (launch.shared_bytes > machine.options.shared) return "the block asks for more shared memory than the device has";
  return nullptr;
}

/// Threads with their fibers, for all launches: their stacks are worth keeping.
static std::vector<std::unique_ptr<Thread>>& threads_for(size_t count) {
  static auto* threads = new std::vector<std::unique_ptr<Thread>>;
  while (threads->size() < count) threads->push_back(std::make_unique<Thread>());
  return *threads;
}

/// Blocks run one after another, in the order of their number or (other policies than sequential) shuffled.
static bool run_blocks(const KernelLaunch& launch, const Options& options, Stats& stats) {
  Block b(options, launch, threads_for(size_t{launch.block.x} * launch.block.y * launch.block.z), stats);
  SharedMemory shared(launch.shared_bytes);
  b.shared = &shared;
  std::unique_ptr<Checker> checker;
  if (options.check) checker = std::make_unique<Checker>(b, shared);
  b.checker = checker.get();

  const uint64_t count = uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z;
  std::vector<uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0u);
  if (options.policy != Policy::sequential) {
    Random random(options.seed);
    for (uint32_t i = static_cast<uint32_t>(count); i > 1; i--) std::swap(order[i - 1], order[random.below(i)]);
  }
  for (const uint32_t n : order) {
    stats.blocks++;
    shared.fill_with_nan();
    if (checker) checker->begin_block();
    const unsigned x = launch.grid.x, y = launch.grid.y;
    if (!b.run({n % x, n / x % y, n / x / y})) return false;
  }
  return true;
}

/// A JSON line for tests, which promise things such as "no bank conflicts".
static void write_stats(const KernelLaunch& launch, const Stats& s, double seconds) {
  const char* path = std::getenv("PATCHTRAIN_SIMT_STATS");
  FILE* file = path ? std::fopen(path, "a") : nullptr;
  if (!file) return;
  std::fprintf(
      file,
      "{\"kernel\":\"%s\",\"grid\":[%u,%u,%u],\"block\":[%u,%u,%u],\"shared\":%zu,\"blocks\":%llu,\"mma\":%llu,"
      "\"ldmatrix\":%llu,\"ldmatrixConflicts\":%llu,\"cpAsync\":%llu,\"shuffles\":%llu,\"barriers\":%llu,"
      "\"milliseconds\":%.3f}\n",
      launch.name().c_str(), launch.grid.x, launch.grid.y, launch.grid.z, launch.block.x, launch.block.y,
      launch.block.z, launch.shared_bytes, static_cast<unsigned long long>(s.blocks),
      static_cast<unsigned long long>(s.mma), static_cast<unsigned long long>(s.ldmatrix),
      static_cast<unsigned long long>(s.ldmatrix_conflicts), static_cast<unsigned long long>(s.cp_async),
      static_cast<unsigned long long>(s.shuffles), static_cast<unsigned long long>(s.barriers), 1e3 * seconds);
  std::fclose(file);
}

bool run(const KernelLaunch& launch, Machine& machine) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  Stats stats;
  const bool ok = run_blocks(launch, machine.options, stats);
  if (machine.options.stats) write_stats(launch, stats, std::chrono::duration<double>(Clock::now() - start).count());
  return ok;
}

}  // namespace simt
