// What every call of the runtime's stand-in does at its beginning and at its end.
#pragma once
#include <mutex>

#include "simt/cuda_runtime.h"
#include "simt/machine.h"
#include "simt/report.h"
#include "simt/stream.h"

namespace simt {

using Lock = std::lock_guard<std::recursive_mutex>;

/// Remembers an error for cudaGetLastError, as CUDA does, and passes it on.
cudaError_t told(cudaError_t error);

/// The error of a failed machine, with its report; what all its calls return.
cudaError_t told_of(const Machine& machine);

/// The stream, or the default stream of the calling thread's machine.
Stream& stream_or_default(cudaStream_t stream);

/// Whether the calling thread may do what waits for the device or allocates: not while it captures. When not, the
/// capture is spoilt, as in CUDA.
bool spoils_a_capture();

}  // namespace simt
