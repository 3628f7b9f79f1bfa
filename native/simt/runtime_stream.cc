// Streams, events, graphs and launches.
#include <algorithm>

#include "simt/memory.h"
#include "simt/runtime_calls.h"
#include "simt/shadow.h"

namespace simt {

static thread_local std::vector<Stream*> t_capturing;  // begun by this thread, but for relaxed ones

Stream& stream_or_default(cudaStream_t stream) {
  static thread_local std::unique_ptr<Stream> t_default;
  if (stream != nullptr) return *stream;
  if (!t_default || t_default->machine != machine()) t_default = std::make_unique<Stream>(machine());
  return *t_default;
}

bool spoils_a_capture() {
  for (Stream* stream : t_capturing) stream->capture_failed = true;
  return !t_capturing.empty();
}

cudaError_t launch(KernelLaunch launch, const std::function<std::function<void()>(PtxKernel)>& by_ptx,
                   cudaStream_t stream) {
  const Lock lock(machine_lock());
  Stream& s = stream_or_default(stream);
  Machine& m = *s.machine;
  if (m.error != 0) return told_of(m);
  if (const char* problem = refuse(launch, m)) {
    report_of_host("%s cannot be launched: %s (grid %u x %u x %u, block %u x %u x %u, %zu bytes shared)",
                   launch.name().c_str(), problem, launch.grid.x, launch.grid.y, launch.grid.z, launch.block.x,
                   launch.block.y, launch.block.z, launch.shared_bytes);
    return told(cudaErrorInvalidConfiguration);
  }
  if (m.options.ptx) {
    const PtxKernel translated = find_ptx(launch.kernel);
    if (translated == nullptr) {
      report_of_host("there is no translated PTX of %s in this build", launch.name().c_str());
      return told(cudaErrorInvalidValue);
    }
    launch.body = by_ptx(translated);
  }
  launch.spans = s.spans;
  s.put([launch = std::move(launch)](Machine& of) -> int {
    of.launches++;
    if (of.options.fail_launch > 0 && of.launches >= of.options.fail_launch)
      of.report = "the emulated device has disappeared (fail_launch)";
    else if (run(launch, of))
      return cudaSuccess;
    else
      of.report = last_report();
    return cudaErrorLaunchFailure;
  });
  return cudaSuccess;
}

void allow(Stream* stream, const Span* spans, int count) {
  const Lock lock(machine_lock());
  Stream& s = stream_or_default(stream);
  if (!s.machine->options.check) return;
  s.spans.assign(spans, spans + count);
  s.put([empty = s.spans](Machine&) {
    for (const Span& span : empty)
      if (!span.has_contents) global_shadow().set_uninitialised(device_memory().offset(span.data), span.bytes);
    return 0;
  });
}

}  // namespace simt

using namespace simt;

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  const Lock lock(machine_lock());
  if (machine()->error != 0) return told_of(*machine());
  *stream = new Stream(machine());
  return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, cudaStreamDefault); }

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const Lock lock(machine_lock());
  const auto& all = streams();
  if (std::find(all.begin(), all.end(), stream) == all.end()) return told(cudaErrorInvalidResourceHandle);
  stream->drain();  // CUDA lets what is under way end
  t_capturing.erase(std::remove(t_capturing.begin(), t_capturing.end(), stream), t_capturing.end());
  delete stream;
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  const Lock lock(machine_lock());
  if (spoils_a_capture()) return told(cudaErrorStreamCaptureUnsupported);
  Stream& s = stream_or_default(stream);
  s.drain();
  return told_of(*s.machine);
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  const Lock lock(machine_lock());
  if (spoils_a_capture()) return told(cudaErrorStreamCaptureUnsupported);
  Stream& s = stream_or_default(stream);
  s.step();
  if (s.machine->error != 0) return told_of(*s.machine);
  return s.operations.empty() ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, void (*function)(void*), void* data) {
  const Lock lock(machine_lock());
  Stream& s = stream_or_default(stream);
  if (s.machine->error != 0) return told_of(*s.machine);
  s.put([=](Machine&) { return function(data), 0; });
  return cudaSuccess;
}

// ---- events ------------------------------------------------------------------------------------------------------

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new Event;
  return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const Lock lock(machine_lock());
  if (event->stream) event->stream->drain();
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const Lock lock(machine_lock());
  Stream& s = stream_or_default(stream);
  if (s.machine->error != 0) return told_of(*s.machine);
  if (!s.capture) event->stream = &s, event->pending++;
  const bool counted = !s.capture;
  s.put([=](Machine&) {
    event->time = std::chrono::steady_clock::now();
    event->recorded = true;
    if (counted && --event->pending == 0) event->stream = nullptr;
    return 0;
  });
  return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const Lock lock(machine_lock());
  if (spoils_a_capture()) return told(cudaErrorStreamCaptureUnsupported);
  Stream* stream = event->stream;
  if (stream == nullptr) return cudaSuccess;
  while (event->pending > 0 && stream->step()) {
  }
  return told_of(*stream->machine);
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  const Lock lock(machine_lock());
  if (spoils_a_capture()) return told(cudaErrorStreamCaptureUnsupported);
  Stream* stream = event->stream;
  if (stream == nullptr) return cudaSuccess;
  stream->step();
  if (stream->machine->error != 0) return told_of(*stream->machine);
  return event->pending == 0 ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  const Lock lock(machine_lock());
  Stream& s = stream_or_default(stream);
  if (s.machine->error != 0) return told_of(*s.machine);
  s.put([=](Machine&) {
    Stream* other = event->stream;
    while (other != nullptr && event->pending > 0 && other->step()) {
    }
    return 0;
  });
  return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  if (!start->recorded || !end->recorded) return told(cudaErrorInvalidResourceHandle);
  if (start->pending > 0 || end->pending > 0) return told(cudaErrorNotReady);
  *milliseconds = std::chrono::duration<float, std::milli>(end->time - start->time).count();
  return cudaSuccess;
}

// ---- graphs ------------------------------------------------------------------------------------------------------

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  const Lock lock(machine_lock());
  if (stream == nullptr) return told(cudaErrorStreamCaptureUnsupported);
  if (stream->machine->error != 0) return told_of(*stream->machine);
  if (stream->capture) return told(cudaErrorInvalidValue);
  stream->capture = std::make_unique<Graph>();
  stream->capture_failed = false;
  if (mode != cudaStreamCaptureModeRelaxed) t_capturing.push_back(stream);
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const Lock lock(machine_lock());
  *graph = nullptr;
  if (stream == nullptr || !stream->capture) return told(cudaErrorInvalidValue);
  t_capturing.erase(std::remove(t_capturing.begin(), t_capturing.end(), stream), t_capturing.end());
  std::unique_ptr<Graph> captured = std::move(stream->capture);
  if (stream->capture_failed) return told(cudaErrorStreamCaptureInvalidated);
  *graph = captured.release();
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  *exec = new Graph(*graph);
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  const Lock lock(machine_lock());
  Stream& s = stream_or_default(stream);
  if (s.machine->error != 0) return told_of(*s.machine);
  for (const Operation& operation : exec->operations) s.put(operation);
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  delete exec;
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}

cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute, int value) {
  return told(value >= 0 && static_cast<size_t>(value) <= machine()->options.shared ? cudaSuccess
                                                                                    : cudaErrorInvalidValue);
}
