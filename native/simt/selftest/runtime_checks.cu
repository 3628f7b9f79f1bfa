#include <cstring>
#include <vector>

#include "cuda/ptx.cuh"
#include "simt/selftest/runtime_checks.h"

using namespace pt::cuda;

namespace selftest {

namespace runtime_kernels {
__global__ void __launch_bounds__(32) add_one(int* y) { y[threadIdx.x] += 1; }
__global__ void __launch_bounds__(32) break_everything(int* y) { y[-1 - static_cast<int>(threadIdx.x)] = 0; }
}  // namespace runtime_kernels

namespace {

constexpr int kCount = 32;
constexpr size_t kBytes = kCount * sizeof(int);

#define EXPECT(condition) \
  if (!(condition)) return std::string("not so: " #condition "; last report: ") + simt::last_report()

/// A machine of its own, a stream, and 32 zeros on the device.
struct World {
  explicit World(const char* options) {
    problem = simt::configure(options);
    if (problem) return;
    (void)cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    (void)cudaMalloc(&y, kBytes);
    (void)cudaMemset(y, 0, kBytes);
    (void)cudaStreamSynchronize(nullptr);
  }
  ~World() {
    (void)cudaFree(y);
    if (stream) (void)cudaStreamDestroy(stream);
  }
  cudaError_t add_one() { return simt::launch<int*>(runtime_kernels::add_one, 1, kCount, 0, stream, y); }
  int first() {
    int value = -1;
    (void)cudaMemcpy(&value, y, sizeof value, cudaMemcpyDeviceToHost);
    return value;
  }

  const char* problem = nullptr;
  cudaStream_t stream = nullptr;
  int* y = nullptr;
};

std::string nothing_happens_before_a_wait() {
  World w("check");
  int* pinned;
  EXPECT(cudaMallocHost(&pinned, kBytes) == cudaSuccess);
  EXPECT(w.add_one() == cudaSuccess);
  EXPECT(cudaMemcpyAsync(pinned, w.y, kBytes, cudaMemcpyDeviceToHost, w.stream) == cudaSuccess);
  EXPECT(pinned[0] == -1);
  EXPECT(w.first() == 0);  // the default stream does not wait for a non-blocking one
  EXPECT(cudaStreamQuery(w.stream) == cudaErrorNotReady);
  EXPECT(cudaStreamSynchronize(w.stream) == cudaSuccess);
  EXPECT(pinned[0] == 1 && pinned[kCount - 1] == 1);
  EXPECT(cudaStreamQuery(w.stream) == cudaSuccess);
  EXPECT(cudaFreeHost(pinned) == cudaSuccess);
  return "";
}

std::string a_fill_is_not_waited_for() {
  World w("check");
  EXPECT(cudaMemset(w.y, 0, kBytes) == cudaSuccess);
  EXPECT(w.add_one() == cudaSuccess && cudaStreamSynchronize(w.stream) == cudaSuccess);
  int value = 0;
  EXPECT(cudaMemcpyAsync(&value, w.y, sizeof value, cudaMemcpyDeviceToHost, w.stream) == cudaSuccess);
  EXPECT(cudaStreamSynchronize(w.stream) == cudaSuccess && value == 1);
  EXPECT(w.first() == 0);  // the default stream waits, and only now fills
  return "";
}

std::string synchronising_the_device_waits_for_all_streams() {
  World w("check");
  EXPECT(w.add_one() == cudaSuccess);
  EXPECT(simt::launch<int*>(runtime_kernels::break_everything, 1, 32, 0, nullptr, w.y) == cudaSuccess);
  EXPECT(cudaDeviceSynchronize() == cudaErrorLaunchFailure);
  return "";
}

std::string a_polling_host_gets_on() {
  World w("");
  for (int i = 0; i < 3; i++) EXPECT(w.add_one() == cudaSuccess);
  int polls = 1;
  while (cudaStreamQuery(w.stream) == cudaErrorNotReady) polls++;
  EXPECT(polls == 3);
  EXPECT(w.first() == 3);
  return "";
}

std::string events_tell_what_is_done() {
  World w("");
  cudaEvent_t before, after;
  EXPECT(cudaEventCreate(&before) == cudaSuccess && cudaEventCreate(&after) == cudaSuccess);
  EXPECT(cudaEventQuery(before) == cudaSuccess);  // never recorded
  EXPECT(cudaEventRecord(before, w.stream) == cudaSuccess);
  EXPECT(w.add_one() == cudaSuccess);
  EXPECT(cudaEventRecord(after, w.stream) == cudaSuccess);
  EXPECT(w.add_one() == cudaSuccess);
  EXPECT(cudaEventSynchronize(after) == cudaSuccess);
  EXPECT(w.first() == 1);  // what was put in behind the event still waits
  float milliseconds = -1;
  EXPECT(cudaEventElapsedTime(&milliseconds, before, after) == cudaSuccess && milliseconds >= 0);
  cudaStream_t other;
  EXPECT(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking) == cudaSuccess);
  EXPECT(cudaEventRecord(after, w.stream) == cudaSuccess);
  EXPECT(cudaStreamWaitEvent(other, after) == cudaSuccess);
  EXPECT(cudaStreamSynchronize(other) == cudaSuccess);
  EXPECT(w.first() == 2);
  EXPECT(cudaEventDestroy(before) == cudaSuccess && cudaEventDestroy(after) == cudaSuccess);
  EXPECT(cudaStreamDestroy(other) == cudaSuccess);
  return "";
}

std::string a_graph_replays() {
  World w("check");
  cudaGraph_t graph;
  cudaGraphExec_t exec;
  EXPECT(cudaStreamBeginCapture(w.stream, cudaStreamCaptureModeGlobal) == cudaSuccess);
  EXPECT(cudaMemsetAsync(w.y, 0, kBytes, w.stream) == cudaSuccess);
  EXPECT(w.add_one() == cudaSuccess && w.add_one() == cudaSuccess);
  EXPECT(cudaStreamEndCapture(w.stream, &graph) == cudaSuccess);
  EXPECT(cudaGraphInstantiate(&exec, graph, 0) == cudaSuccess && cudaGraphDestroy(graph) == cudaSuccess);
  EXPECT(w.add_one() == cudaSuccess && cudaStreamSynchronize(w.stream) == cudaSuccess);
  EXPECT(w.first() == 1);  // capturing did nothing
  for (int i = 0; i < 2; i++) EXPECT(cudaGraphLaunch(exec, w.stream) == cudaSuccess);
  EXPECT(cudaStreamSynchronize(w.stream) == cudaSuccess);
  EXPECT(w.first() == 2);
  EXPECT(cudaGraphExecDestroy(exec) == cudaSuccess);
  return "";
}

std::string waiting_spoils_a_capture() {
  World w("");
  cudaGraph_t graph;
  EXPECT(cudaStreamBeginCapture(w.stream, cudaStreamCaptureModeGlobal) == cudaSuccess);
  EXPECT(cudaStreamSynchronize(w.stream) == cudaErrorStreamCaptureUnsupported);
  EXPECT(cudaStreamEndCapture(w.stream, &graph) == cudaErrorStreamCaptureInvalidated);
  EXPECT(cudaStreamBeginCapture(w.stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  void* p;
  EXPECT(cudaMalloc(&p, 16) == cudaErrorStreamCaptureUnsupported);
  EXPECT(cudaStreamEndCapture(w.stream, &graph) == cudaErrorStreamCaptureInvalidated);
  EXPECT(cudaStreamSynchronize(w.stream) == cudaSuccess);
  return "";
}

std::string a_failed_kernel_breaks_its_machine_only() {
  World other("check");
  cudaStream_t healthy = other.stream;
  {
    World w("check");
    EXPECT(simt::launch<int*>(runtime_kernels::break_everything, 1, 32, 0, w.stream, w.y) == cudaSuccess);
    EXPECT(w.add_one() == cudaSuccess);
    EXPECT(cudaStreamSynchronize(w.stream) == cudaErrorLaunchFailure);
    EXPECT(std::strstr(simt::last_report(), "outside global memory at runtime_checks.cu:") != nullptr);
    EXPECT(std::strstr(simt::last_report(), "argument 0, an allocation of 128 bytes") != nullptr);
    EXPECT(std::strstr(cudaGetErrorString(cudaErrorLaunchFailure), "outside global memory") != nullptr);
    EXPECT(w.add_one() == cudaErrorLaunchFailure);
    void* p;
    EXPECT(cudaMalloc(&p, 16) == cudaErrorLaunchFailure);
    EXPECT(cudaGetLastError() == cudaErrorLaunchFailure && cudaGetLastError() == cudaSuccess);
  }
  EXPECT(other.add_one() == cudaSuccess && cudaStreamSynchronize(healthy) == cudaSuccess);
  return "";
}

std::string a_device_can_disappear() {
  World w("fail_launch=2");
  EXPECT(w.add_one() == cudaSuccess && cudaStreamSynchronize(w.stream) == cudaSuccess);
  EXPECT(w.add_one() == cudaSuccess && cudaStreamSynchronize(w.stream) == cudaErrorLaunchFailure);
  EXPECT(w.add_one() == cudaErrorLaunchFailure);
  EXPECT(std::strstr(simt::last_report(), "disappeared") != nullptr);
  return "";
}

std::string memory_is_finite() {
  World w("memory=1000000");
  void *a, *b;
  EXPECT(cudaMalloc(&a, 900000) == cudaSuccess);
  EXPECT(cudaMalloc(&b, 200000) == cudaErrorMemoryAllocation);
  size_t free, total;
  EXPECT(cudaMemGetInfo(&free, &total) == cudaSuccess && total == 1000000 && free == 100000 - kBytes);
  EXPECT(cudaFree(a) == cudaSuccess && cudaMalloc(&b, 200000) == cudaSuccess && cudaFree(b) == cudaSuccess);
  EXPECT(cudaFree(b) == cudaErrorInvalidValue);  // twice
  return "";
}

std::string copies_stay_in_their_allocation() {
  World w("");
  int host[kCount + 1] = {};
  EXPECT(cudaMemcpyAsync(w.y, host, kBytes + 4, cudaMemcpyHostToDevice, w.stream) == cudaErrorInvalidValue);
  EXPECT(cudaMemcpyAsync(host, w.y + 1, kBytes, cudaMemcpyDeviceToHost, w.stream) == cudaErrorInvalidValue);
  EXPECT(cudaMemcpyAsync(host, w.y, kBytes, cudaMemcpyHostToDevice, w.stream) == cudaErrorInvalidValue);
  EXPECT(cudaMemsetAsync(w.y - 1, 0, 8, w.stream) == cudaErrorInvalidValue);
  EXPECT(cudaMemcpy(host, w.y, kBytes, cudaMemcpyDefault) == cudaSuccess && host[0] == 0);
  return "";
}

std::string tensors_in_one_allocation_have_bounds_of_their_own() {
  const auto problem = [](int first, size_t bytes, bool has_contents, bool writable) {
    World w("check");
    const simt::Span span = {w.y + first, bytes, has_contents, writable};
    simt::allow(w.stream, &span, 1);
    (void)w.add_one();
    return cudaStreamSynchronize(w.stream) == cudaSuccess ? std::string() : std::string(simt::last_report());
  };
  EXPECT(problem(0, kBytes, true, true).empty());
  EXPECT(problem(0, kBytes - 4, true, true).find("outside its tensors at runtime_checks.cu:") == 0);
  EXPECT(problem(1, kBytes - 4, true, true).find("before all tensors") != std::string::npos);
  EXPECT(problem(0, kBytes, true, false).find("write to an input") == 0);
  EXPECT(problem(0, kBytes, false, true).find("uninitialised global memory") == 0);
  return "";
}

std::string launches_obey_the_limits() {
  World w("shared=65536");
  const auto try_launch = [&](dim3 grid, dim3 block, size_t shared) {
    return simt::launch<int*>(runtime_kernels::add_one, grid, block, shared, w.stream, w.y);
  };
  EXPECT(try_launch(1, 48, 0) == cudaErrorInvalidConfiguration);
  EXPECT(try_launch(1, 2048, 0) == cudaErrorInvalidConfiguration);
  EXPECT(try_launch(0, 32, 0) == cudaErrorInvalidConfiguration);
  EXPECT(try_launch(dim3(1, 65536), 32, 0) == cudaErrorInvalidConfiguration);
  EXPECT(try_launch(1, 32, 65537) == cudaErrorInvalidConfiguration);
  EXPECT(try_launch(1, 32, 65536) == cudaSuccess && cudaStreamSynchronize(w.stream) == cudaSuccess);
  return "";
}

std::string options_are_checked_and_obeyed() {
  for (const char* wrong : {"policy=fast", "seed", "seed=x", "check=1", "shared=99999999", "capability=9", "unknown"})
    EXPECT(simt::configure(wrong) != nullptr);
  EXPECT(simt::configure("capability=9.0 devices=2 driver=13010 shared=232448") == nullptr);
  int count, version;
  cudaDeviceProp properties;
  EXPECT(cudaGetDeviceCount(&count) == cudaSuccess && count == 2);
  EXPECT(cudaDriverGetVersion(&version) == cudaSuccess && version == 13010);
  EXPECT(cudaGetDeviceProperties(&properties, 1) == cudaSuccess && properties.major == 9 && properties.minor == 0);
  EXPECT(properties.sharedMemPerBlockOptin == 232448);
  EXPECT(cudaSetDevice(2) == cudaErrorInvalidDevice);
  EXPECT(simt::configure("driver=12040") == nullptr && cudaGetDeviceCount(&count) == cudaErrorInsufficientDriver);
  EXPECT(simt::configure("devices=0") == nullptr && cudaGetDeviceCount(&count) == cudaErrorNoDevice && count == 0);
  return "";
}

std::string missing_ptx_is_an_error() {
  World w("ptx");
  EXPECT(w.add_one() == cudaErrorInvalidValue);
  EXPECT(std::strstr(simt::last_report(), "no translated PTX of selftest::runtime_kernels::add_one") != nullptr);
  return "";
}

}  // namespace

#define CHECK(name) \
  {                 \
#name, name     \
  }
const RuntimeCheck kRuntimeChecks[] = {
    CHECK(nothing_happens_before_a_wait),
    CHECK(a_fill_is_not_waited_for),
    CHECK(synchronising_the_device_waits_for_all_streams),
    CHECK(a_polling_host_gets_on),
    CHECK(events_tell_what_is_done),
    CHECK(a_graph_replays),
    CHECK(waiting_spoils_a_capture),
    CHECK(a_failed_kernel_breaks_its_machine_only),
    CHECK(a_device_can_disappear),
    CHECK(memory_is_finite),
    CHECK(copies_stay_in_their_allocation),
    CHECK(tensors_in_one_allocation_have_bounds_of_their_own),
    CHECK(launches_obey_the_limits),
    CHECK(options_are_checked_and_obeyed),
    CHECK(missing_ptx_is_an_error),
};
const int kRuntimeCheckCount = sizeof kRuntimeChecks / sizeof kRuntimeChecks[0];

}  // namespace selftest
