// Errors and the questions a host asks of its devices.
#include <algorithm>
#include <cstdio>

#include "simt/runtime_calls.h"

namespace simt {

static thread_local cudaError_t t_last_error = cudaSuccess;
static thread_local std::string t_error_string;

cudaError_t told(cudaError_t error) {
  if (error != cudaSuccess && error != cudaErrorNotReady) t_last_error = error;
  return error;
}

cudaError_t told_of(const Machine& machine) {
  if (machine.error != 0) set_last_report(machine.report);
  return told(static_cast<cudaError_t>(machine.error));
}

}  // namespace simt

using namespace simt;

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
#define NAME(e) \
  case e:       \
    return #e
    NAME(cudaSuccess);
    NAME(cudaErrorInvalidValue);
    NAME(cudaErrorMemoryAllocation);
    NAME(cudaErrorInvalidConfiguration);
    NAME(cudaErrorInvalidMemcpyDirection);
    NAME(cudaErrorInsufficientDriver);
    NAME(cudaErrorNoDevice);
    NAME(cudaErrorInvalidDevice);
    NAME(cudaErrorInvalidResourceHandle);
    NAME(cudaErrorNotReady);
    NAME(cudaErrorLaunchFailure);
    NAME(cudaErrorStreamCaptureUnsupported);
    NAME(cudaErrorStreamCaptureInvalidated);
    NAME(cudaErrorUnknown);
#undef NAME
  }
  return "unrecognized error code";
}

static const char* error_text(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorInvalidValue:
      return "invalid argument";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInvalidConfiguration:
      return "invalid configuration argument";
    case cudaErrorInvalidMemcpyDirection:
      return "invalid copy direction for memcpy";
    case cudaErrorInsufficientDriver:
      return "CUDA driver version is insufficient for CUDA runtime version";
    case cudaErrorNoDevice:
      return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice:
      return "invalid device ordinal";
    case cudaErrorInvalidResourceHandle:
      return "invalid resource handle";
    case cudaErrorNotReady:
      return "device not ready";
    case cudaErrorLaunchFailure:
      return "unspecified launch failure";
    case cudaErrorStreamCaptureUnsupported:
      return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureInvalidated:
      return "operation failed due to a previous error during capture";
    case cudaErrorUnknown:
      return "unknown error";
  }
  return "unrecognized error code";
}

const char* cudaGetErrorString(cudaError_t error) {
  if (error != cudaErrorLaunchFailure || *last_report() == '\0') return error_text(error);
  t_error_string = std::string(error_text(error)) + ": " + last_report();
  return t_error_string.c_str();
}

cudaError_t cudaPeekAtLastError() { return t_last_error; }
cudaError_t cudaGetLastError() {
  const cudaError_t error = t_last_error;
  t_last_error = cudaSuccess;
  return error;
}

constexpr int kRuntimeVersion = 13000;

cudaError_t cudaGetDeviceCount(int* count) {
  const Options& options = machine()->options;
  *count = options.devices;
  // A driver serves every runtime of its own major version; no driver at all is told in the same way.
  if (options.driver / 1000 < kRuntimeVersion / 1000) return told(cudaErrorInsufficientDriver);
  return told(options.devices == 0 ? cudaErrorNoDevice : cudaSuccess);
}

cudaError_t cudaSetDevice(int device) {
  return told(device >= 0 && device < machine()->options.devices ? cudaSuccess : cudaErrorInvalidDevice);
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  const Options& options = machine()->options;
  if (device < 0 || device >= options.devices) return told(cudaErrorInvalidDevice);
  *properties = {};
  std::snprintf(properties->name, sizeof properties->name, "emulated device %d (sm_%d%d)", device,
                options.capability_major, options.capability_minor);
  properties->totalGlobalMem = options.memory;
  properties->sharedMemPerBlock = std::min<size_t>(options.shared, 48 * 1024);
  properties->sharedMemPerBlockOptin = options.shared;
  properties->major = options.capability_major;
  properties->minor = options.capability_minor;
  properties->multiProcessorCount = 108;
  properties->l2CacheSize = 40 << 20;
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = machine()->options.driver;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = kRuntimeVersion;
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
  const Lock lock(machine_lock());
  if (spoils_a_capture()) return told(cudaErrorStreamCaptureUnsupported);
  for (Stream* stream : streams())
    if (stream->machine == machine()) stream->drain();
  return told_of(*machine());
}
