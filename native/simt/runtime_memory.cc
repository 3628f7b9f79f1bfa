// Device memory, pinned memory, copies and fills.
#include <cstdlib>
#include <cstring>

#include "simt/memory.h"
#include "simt/runtime_calls.h"
#include "simt/shadow.h"

using namespace simt;

cudaError_t cudaMalloc(void** p, size_t bytes) {
  const Lock lock(machine_lock());
  Machine& m = *machine();
  if (m.error != 0) return told_of(m);
  if (spoils_a_capture()) return told(cudaErrorStreamCaptureUnsupported);
  *p = nullptr;
  if (bytes == 0) return cudaSuccess;
  if (bytes > m.options.memory || m.memory_used + bytes > m.options.memory) return told(cudaErrorMemoryAllocation);
  *p = device_memory().allocate(bytes, machine());
  if (*p == nullptr) return told(cudaErrorMemoryAllocation);
  m.memory_used += bytes;
  return cudaSuccess;
}

cudaError_t cudaFree(void* p) {
  const Lock lock(machine_lock());
  if (p == nullptr) return cudaSuccess;
  if (spoils_a_capture()) return told(cudaErrorStreamCaptureUnsupported);
  drain_all();
  return device_memory().free(p) ? told_of(*machine()) : told(cudaErrorInvalidValue);
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  const Lock lock(machine_lock());
  const Machine& m = *machine();
  *total = m.options.memory;
  *free = m.options.memory - m.memory_used;
  return told_of(m);
}

// Pinned memory begins as 0xff, so that what is read before a copy has arrived is noticed.
cudaError_t cudaMallocHost(void** p, size_t bytes) {
  *p = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  if (*p == nullptr) return told(cudaErrorMemoryAllocation);
  std::memset(*p, 0xff, bytes);
  return cudaSuccess;
}

cudaError_t cudaFreeHost(void* p) {
  const Lock lock(machine_lock());
  drain_all();  // as CUDA does: copies under way still use it
  std::free(p);
  return cudaSuccess;
}

/// Whether all the bytes are where the kind of copy says; reports what is not.
static bool is_on_side(const void* p, size_t bytes, bool on_device, const char* what) {
  if (device_memory().holding(p, bytes)) {
    if (!on_device) report_of_host("%s names the host's memory, but %p is the device's", what, p);
    return on_device;
  }
  if (device_memory().contains(p)) {
    const Allocation* near = device_memory().near(p);
    report_of_host("%s leaves its allocation: %zu bytes at byte %lld of %zu", what, bytes,
                   near ? static_cast<long long>(static_cast<const unsigned char*>(p) - near->data) : -1,
                   near ? near->bytes : 0);
    return false;
  }
  if (on_device) report_of_host("%s names the device's memory, but %p is not", what, p);
  return !on_device;
}

static cudaError_t check_copy(const void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  if (bytes == 0) return cudaSuccess;
  if (kind == cudaMemcpyDefault) {
    const bool to_device = device_memory().contains(to), from_device = device_memory().contains(from);
    kind = to_device ? (from_device ? cudaMemcpyDeviceToDevice : cudaMemcpyHostToDevice)
                     : (from_device ? cudaMemcpyDeviceToHost : cudaMemcpyHostToHost);
  }
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  return is_on_side(to, bytes, to_device, "the copy's destination") &&
                 is_on_side(from, bytes, from_device, "the copy's source")
             ? cudaSuccess
             : cudaErrorInvalidValue;
}

/// The copy as an operation of a stream. What was uninitialised stays so.
static int copy_now(void* to, const void* from, size_t bytes) {
  std::memmove(to, from, bytes);
  DeviceMemory& memory = device_memory();
  if (memory.contains(to)) {
    if (memory.contains(from))
      global_shadow().copy(memory.offset(to), memory.offset(from), bytes);
    else
      global_shadow().set_initialised(memory.offset(to), bytes);
  }
  return cudaSuccess;
}

static int fill_now(void* p, int value, size_t bytes) {
  std::memset(p, value, bytes);
  global_shadow().set_initialised(device_memory().offset(p), bytes);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  const Lock lock(machine_lock());
  Stream& s = stream_or_default(stream);
  if (s.machine->error != 0) return told_of(*s.machine);
  if (const cudaError_t error = check_copy(to, from, bytes, kind)) return told(error);
  s.put([=](Machine&) { return copy_now(to, from, bytes); });
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* p, int value, size_t bytes, cudaStream_t stream) {
  const Lock lock(machine_lock());
  Stream& s = stream_or_default(stream);
  if (s.machine->error != 0) return told_of(*s.machine);
  if (bytes > 0 && !is_on_side(p, bytes, true, "the fill")) return told(cudaErrorInvalidValue);
  s.put([=](Machine&) { return fill_now(p, value, bytes); });
  return cudaSuccess;
}

// These run in the default stream, which does not wait for streams made with cudaStreamNonBlocking.

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  const cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind, nullptr);
  return error != cudaSuccess ? error : cudaStreamSynchronize(nullptr);
}

/// The host does not wait for it, as in CUDA where the memory is the device's.
cudaError_t cudaMemset(void* p, int value, size_t bytes) { return cudaMemsetAsync(p, value, bytes, nullptr); }
