// From the options that JavaScript gives to a backend.
#pragma once
#include <napi.h>

#include <memory>

#include "core/backend.h"
#include "cuda/library.h"

namespace pt::binding {

/// { kind: 'cpu', folder, level, threads } or { kind: 'cuda' | 'cuda-emu', folder, index, cublaslt, emulator }
Status create_backend(const Napi::Object& options, std::unique_ptr<Backend>& out);

/// The options of a CUDA backend.
Status probe_cuda(const Napi::Object& options, cuda::Probe& out);

}  // namespace pt::binding
