// Fuzz target: recorded commands with arbitrary shapes, offsets, types and parameters on arbitrary memory. Whatever
// passes validation is run on the CPU kernels. Promises: it writes nowhere but into the tensors it may write, reads
// nowhere but in its region and workspace (AddressSanitizer), and gives the same bits with any number of workers.
#include <cstring>

#include "commands.h"
#include "core/pool.h"
#include "cpu/kernels.h"
#include "exact_memory.h"
#include "require.h"

using namespace pt;
using namespace pt::fuzz;

// An input may ask for more work than a fuzzer has time for; that is no fault.
constexpr double kMostFlops = 2e7;
constexpr size_t kMostWorkspace = size_t{64} << 20;

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

static CpuKernel kernel_of(const char* name) {
  const cpu::KernelTable* table = patchtrain_cpu_kernels();
  for (int i = 0; i < table->count; i++)
    if (std::strcmp(table->entries[i].op, name) == 0) return table->entries[i].kernel;
  std::abort();
}

static void fill(Region& region, ByteSource& in) {
  const int pattern = in.below(6);
  const std::string rest = in.rest();
  static const uint8_t plain[] = {0x00, 0xff, 0x7f, 0x80};
  auto* bytes = reinterpret_cast<uint8_t*>(region.data());
  for (size_t i = 0; i < region.bytes(); i++)
    bytes[i] = pattern < 4 || rest.empty() ? plain[pattern % 4] : static_cast<uint8_t>(rest[i % rest.size()]);
}

/// Every byte outside of the tensors that the command may write is as it was.
static void check_untouched(const Command& command, const Region& region, const std::vector<std::byte>& before) {
  std::vector<std::byte> now(region.data(), region.data() + region.bytes());
  for (int i = 0; i < command.op->tensor_count; i++) {
    if (!command.has(i) || command.op->tensors[i].access == Access::read) continue;
    const auto at = static_cast<size_t>(static_cast<std::byte*>(command.tensor(i).data) - region.data());
    std::memcpy(now.data() + at, before.data() + at, static_cast<size_t>(command.tensor(i).bytes()));
  }
  FUZZ_REQUIRE(now == before, "%s wrote outside of its tensors", command.op->name);
}

/// The status of a run that starts from `before`.
static Status run_once(const Plan& plan, Workers& workers, const std::shared_ptr<Region>& region,
                       const std::vector<std::byte>& before) {
  std::memcpy(region->data(), before.data(), before.size());
  const std::shared_ptr<Region> workspace =
      plan.workspace_bytes() > 0 ? ExactRegion::allocate(plan.workspace_bytes()) : nullptr;
  const Command& command = plan.entries()[0]->command;
  const Status status = kernel_of(command.op->name)(command, Launch{workers, workspace ? workspace->data() : nullptr});
  check_untouched(command, *region, before);
  return status;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Pool one(1), three(3);
  ByteSource in(data, size);
  CommandRequest request = read_command(in);
  const std::shared_ptr<Region> region = ExactRegion::allocate(static_cast<size_t>(request.bytes));
  request.place_in(region);
  Plan plan("fuzz"), wide("fuzz");
  const bool accepted = plan.record(*request.op, request.tensors, request.params, CpuNeeds(one)).ok();
  FUZZ_REQUIRE(wide.record(*request.op, request.tensors, request.params, CpuNeeds(three)).ok() == accepted,
               "%s is accepted for one number of workers only", request.op->name);
  if (!accepted) return 0;
  FUZZ_REQUIRE(plan.entries()[0]->cost.flops >= 0, "%s costs less than nothing", request.op->name);
  if (plan.entries()[0]->cost.flops > kMostFlops || wide.workspace_bytes() > kMostWorkspace) return 0;

  fill(*region, in);
  const std::vector<std::byte> before(region->data(), region->data() + region->bytes());
  const Status first = run_once(plan, one, region, before);
  const std::vector<std::byte> after(region->data(), region->data() + region->bytes());
  const Status second = run_once(wide, three, region, before);
  FUZZ_REQUIRE(first.code == second.code, "%s: %s / %s", request.op->name, first.message, second.message);
  FUZZ_REQUIRE(!first.ok() || std::memcmp(after.data(), region->data(), after.size()) == 0,
               "%s: the bits depend on the number of workers", request.op->name);
  return 0;
}
