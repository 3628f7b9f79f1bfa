#include "cuda/cuda_backend.h"

#include <algorithm>
#include <cstring>

#include "cuda/check.h"
#include "cuda/cuda_plan.h"
#include "cuda/device_region.h"
#include "cuda/kernels.h"
#include "cuda/measure_ceilings.h"
#ifdef PT_SIMT
#include "simt/command_bounds.h"
#endif

namespace pt::cuda {

// Kernels index within a tensor of rows and columns with 32 bits. Flat ones, which take tensors of any shape, do not.
constexpr int64_t kMaxElements = (int64_t{1} << 31) - 1;

static CudaKernel kernel_of(const Command& command) {
  for (int i = 0; i < kKernelCount; i++)
    if (std::strcmp(kKernels[i].op, command.op->name) == 0) return kKernels[i].kernel;
  return nullptr;
}

// ---- life -----------------------------------------------------------------------------------------------------------

static Status describe_device(int index, DeviceInfo& out) {
  cudaDeviceProp properties;
  PT_CUDA(cudaGetDeviceProperties(&properties, index), "asking for the device's properties");
  out = {};
  out.index = index;
  std::snprintf(out.name, sizeof out.name, "%.95s", properties.name);
  out.major = properties.major, out.minor = properties.minor;
  out.processors = properties.multiProcessorCount;
  out.shared_bytes_a_block = properties.sharedMemPerBlockOptin;
  out.memory_bytes = properties.totalGlobalMem;
  return Status::success();
}

Status find_devices(Probe& out) {
  cudaRuntimeGetVersion(&out.runtime_version);
  cudaDriverGetVersion(&out.driver_version);
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  cudaGetLastError();
  const int runtime = out.runtime_version, driver = out.driver_version;
  const auto version = [](int v) { return std::to_string(v / 1000) + "." + std::to_string(v % 1000 / 10); };
  if (error != cudaSuccess || count == 0) {
    if (driver == 0)
      out.problem = "no NVIDIA driver was found (libcuda.so.1 cannot be loaded). Install the driver of your GPU";
    else if (error == cudaErrorInsufficientDriver)
      out.problem = "the NVIDIA driver supports CUDA " + version(driver) + ", but this build needs " +
                    version(runtime) + ". Install a newer driver, or build patchtrain with an older CUDA toolkit";
    else if (error == cudaErrorNoDevice || count == 0)
      out.problem = "the NVIDIA driver finds no GPU. Is it visible here (CUDA_VISIBLE_DEVICES, container options)?";
    else
      out.problem = std::string("CUDA does not start: ") + cudaGetErrorString(error);
    return Status::success();
  }
  for (int i = 0; i < count; i++) {
    DeviceInfo info;
    if (Status s = describe_device(i, info); !s.ok()) return s;
    out.devices.push_back({info.name, info.major, info.minor, static_cast<double>(info.memory_bytes)});
  }
  return Status::success();
}

Status CudaBackend::create(const CreateOptions& options, std::unique_ptr<Backend>& out) {
  Probe probe;
  if (Status s = find_devices(probe); !s.ok()) return s;
  if (!probe.problem.empty()) return Status::error(Code::unavailable, "%s", probe.problem.c_str());
  const int count = static_cast<int>(probe.devices.size());
  if (options.index >= count)
    return Status::error(Code::unavailable, "there is no CUDA device %d; this host has %d, counted from 0",
                         options.index, count);
  DeviceInfo info;
  if (Status s = describe_device(options.index, info); !s.ok()) return s;
  if (info.major < 8)
    return Status::error(Code::unavailable,
                         "%s has compute capability %d.%d; the kernels need 8.0 (A100, RTX 30) or newer. Use device: "
                         "'cpu'",
                         info.name, info.major, info.minor);
  PT_CUDA(cudaSetDevice(info.index), "choosing the device");
  std::unique_ptr<CudaBackend> backend(new CudaBackend(info, Products::create(info, options.cublaslt.c_str())));
  if (Status s = backend->open(); !s.ok()) return s;
  out = std::move(backend);
  return Status::success();
}

Status CudaBackend::open() {
  if (Status s = stream_.create(); !s.ok()) return s;
  return faults_.create();
}

/// Before anything else that a thread asks of the device.
Status CudaBackend::enter() const {
#ifdef PT_SIMT
  simt::adopt(stream_);
#endif
  PT_CUDA(cudaSetDevice(info_.index), "choosing the device");
  return Status::success();
}

DeviceFacts CudaBackend::facts() const {
  std::string notes = products_->describe();
  if (const std::string notice = products_->notice(); !notice.empty()) notes += "\n" + notice;
  return {"cuda", info_.name, 0, DType::bf16, notes};
}

Status CudaBackend::allocate(size_t bytes, std::shared_ptr<Region>& out) {
  if (Status s = enter(); !s.ok()) return s;
  return DeviceRegion::allocate(info_.index, bytes, out);
}

DeviceMemory CudaBackend::memory() const {
  size_t free = 0, total = 0;
  if (enter().ok()) cudaMemGetInfo(&free, &total);
  return {static_cast<double>(free), static_cast<double>(total)};
}

// ---- recording ------------------------------------------------------------------------------------------------------

Status CudaBackend::check(const Command& command) const {
  const OpDef& op = *command.op;
  for (int i = 0; i < op.tensor_count; i++)
    PT_CHECK(!command.has(i) || op.tensors[i].rank == 0 || command.tensor(i).size() <= kMaxElements,
             "'%s' has %lld elements; on CUDA a tensor has at most 2^31 - 1. Use a smaller micro-batch",
             op.tensors[i].name, (long long)command.tensor(i).size());
  return op.cuda_check ? op.cuda_check(command) : Status::success();
}

size_t CudaBackend::workspace(const Command& command) const {
  return command.op->cuda_workspace ? command.op->cuda_workspace(command) : 0;
}

// ---- running --------------------------------------------------------------------------------------------------------

void CudaBackend::run(const std::shared_ptr<Plan>& plan, Done done) {
  Fault* copy = nullptr;
  std::unique_ptr<OpTimer> made;
  Status submitted = time_ops_ ? OpTimer::create(plan->entries().size(), made) : Status::success();
  const std::shared_ptr<OpTimer> timer = std::move(made);
  if (submitted.ok()) submitted = submit(*plan, timer.get(), copy);
  // Even when it failed: what was launched before the failure may still be under way, and uses the plan's memory.
  completer_.after(stream_, [this, plan, timer, copy, submitted, done = std::move(done)](const Status& ended) {
    const Status judged = copy && ended.ok() ? faults_.judge(copy)
                          : ended.ok()       ? ended
                                       : Status::error(ended.code, "'%.60s': %s", plan->label().c_str(), ended.message);
    if (!judged.ok()) fault_told_ = true;
    if (timer && submitted.ok() && judged.ok()) timer->tell(*plan);
    done(submitted.ok() ? judged : submitted);
  });
}

Status CudaBackend::submit(Plan& plan, OpTimer* timer, Fault*& copy) {
  if (Status s = enter(); !s.ok()) return s;
  if (fault_told_.exchange(false))
    if (Status s = faults_.clear(stream_); !s.ok()) return s;
  if (Status s = fit_workspace(plan.workspace_bytes()); !s.ok()) return s;

  const bool first = !plan.compiled;
  if (first) {
    auto compiled = std::make_unique<CudaPlan>();
    for (const auto& entry : plan.entries()) compiled->numbers.push_back(faults_.number(entry->command.op->name));
    plan.compiled = std::move(compiled);
    Status s = prepare_products(plan);
    if (s.ok()) s = launch_all(plan, timer);
    if (!s.ok()) {
      plan.compiled.reset();
      return s;
    }
  } else if (timer) {
    if (Status s = launch_all(plan, timer); !s.ok()) return s;
  } else {
    auto& compiled = static_cast<CudaPlan&>(*plan.compiled);
    const void* workspace = workspace_ ? workspace_->data() : nullptr;
    if (compiled.workspace != workspace) compiled.drop_graph();
    if (!compiled.graph && !plan.entries().empty())
      if (Status s = capture(plan); !s.ok()) return s;
    if (compiled.graph) PT_CUDA(cudaGraphLaunch(compiled.graph, stream_), "launching a plan");
  }
  return faults_.copy_out(stream_, copy);
}

Status CudaBackend::reserve(size_t bytes) {
  if (Status s = enter(); !s.ok()) return s;
  return fit_workspace(bytes);
}

Status CudaBackend::fit_workspace(size_t bytes) {
  if (bytes == 0 || (workspace_ && workspace_->bytes() >= bytes)) return Status::success();
  workspace_.reset();  // waits for the device
  return DeviceRegion::allocate(info_.index, bytes, workspace_);
}

Launch CudaBackend::launch_for(int32_t number) {
  return {stream_, workspace_ ? workspace_->data() : nullptr, {faults_.device(), number}, info_, *products_};
}

/// Algorithms are chosen by timing, so before any graph is captured.
Status CudaBackend::prepare_products(Plan& plan) {
  for (const auto& entry : plan.entries())
    if (std::strcmp(entry->command.op->name, "gemm") == 0)
      if (Status s = products_->prepare(entry->command, launch_for(0)); !s.ok()) return s;
  return Status::success();
}

Status CudaBackend::launch_all(Plan& plan, OpTimer* timer) {
  const auto& numbers = static_cast<CudaPlan&>(*plan.compiled).numbers;
  const auto& entries = plan.entries();
  if (timer)
    if (Status s = timer->mark(stream_); !s.ok()) return s;
  for (size_t i = 0; i < entries.size(); i++) {
    const Command& command = entries[i]->command;
    const CudaKernel kernel = kernel_of(command);
    if (!kernel) return Status::error(Code::unavailable, "%s has no CUDA kernel", command.op->name);
#ifdef PT_SIMT
    allow_only(command, launch_for(numbers[i]), workspace(command));
#endif
    if (Status s = kernel(command, launch_for(numbers[i])); !s.ok())
      return Status::error(s.code, "%s: %s", command.op->name, s.message);
    if (timer)
      if (Status s = timer->mark(stream_); !s.ok()) return s;
  }
  return Status::success();
}

Status CudaBackend::capture(Plan& plan) {
  auto& compiled = static_cast<CudaPlan&>(*plan.compiled);
  // Thread-local: JavaScript's thread may allocate meanwhile.
  PT_CUDA(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "capturing a plan");
  const Status launched = launch_all(plan);
  cudaGraph_t graph = nullptr;
  const Status ended = to_status(cudaStreamEndCapture(stream_, &graph), "capturing a plan");
  if (!launched.ok() || !ended.ok()) {
    if (graph) cudaGraphDestroy(graph);
    return launched.ok() ? ended : launched;
  }
  const Status made = to_status(cudaGraphInstantiate(&compiled.graph, graph, 0), "making a graph of a plan");
  cudaGraphDestroy(graph);
  compiled.workspace = workspace_ ? workspace_->data() : nullptr;
  return made;
}

void CudaBackend::write(const std::shared_ptr<Region>& to, size_t offset, const void* from, size_t bytes, Done done) {
  Status status = enter();
  if (status.ok()) status = staging_.write(stream_, to->data() + offset, from, bytes);
  completer_.after(stream_,
                   [to, status, done = std::move(done)](const Status& ended) { done(status.ok() ? ended : status); });
}

Status CudaBackend::read(const Region& from, size_t offset, void* to, size_t bytes) {
  if (Status s = enter(); !s.ok()) return s;
  return staging_.read(stream_, to, from.data() + offset, bytes);
}

Status CudaBackend::measure_ceilings(Ceilings& out) {
  if (Status s = enter(); !s.ok()) return s;
  return cuda::measure_ceilings(launch_for(0), out);
}

}  // namespace pt::cuda
