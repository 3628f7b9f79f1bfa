#include "binding/create_backend.h"

#include "binding/convert.h"
#include "cpu/cpu_backend.h"
#include "cuda/load.h"

namespace pt::binding {

static Status create_cpu(const Napi::Object& options, std::unique_ptr<Backend>& out) {
  const double threads = to_count(options.Get("threads"), "options.threads");
  if (threads > 1024) throw_type_error(options.Env(), "options.threads", "at most 1024");
  return CpuBackend::create(to_string(options.Get("folder"), "options.folder"),
                            to_string(options.Get("level"), "options.level"), static_cast<int>(threads), out);
}

static cuda::CreateOptions cuda_options(const Napi::Object& options) {
  const double index = to_count(options.Get("index"), "options.index");
  if (index > 1023) throw_type_error(options.Env(), "options.index", "at most 1023");
  return {static_cast<int>(index), to_string(options.Get("cublaslt"), "options.cublaslt"),
          to_string(options.Get("emulator"), "options.emulator")};
}

static Status load_cuda(const Napi::Object& options, const cuda::Library*& out) {
  const std::string kind = to_string(options.Get("kind"), "options.kind");
  const std::string folder = to_string(options.Get("folder"), "options.folder");
  if (kind == "cuda") return cuda::load_library(folder, "patchtrain-cuda", out);
  if (kind == "cuda-emu") return cuda::load_library(folder, "patchtrain-cuda-emu", out);
  return Status::error(Code::invalid_argument, "there is no backend '%.60s'", kind.c_str());
}

Status create_backend(const Napi::Object& options, std::unique_ptr<Backend>& out) {
  if (to_string(options.Get("kind"), "options.kind") == "cpu") return create_cpu(options, out);
  const cuda::CreateOptions create = cuda_options(options);
  const cuda::Library* library = nullptr;
  if (Status s = load_cuda(options, library); !s.ok()) return s;
  return library->create(create, out);
}

Status probe_cuda(const Napi::Object& options, cuda::Probe& out) {
  const cuda::CreateOptions create = cuda_options(options);
  const cuda::Library* library = nullptr;
  if (Status s = load_cuda(options, library); !s.ok()) return s;
  return library->probe(create, out);
}

}  // namespace pt::binding
