#include "cuda/cublaslt.h"

#include <dlfcn.h>
#include <glob.h>
#include <link.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

namespace pt::cuda {

static std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

static std::vector<std::string> matching(const std::string& pattern) {
  std::vector<std::string> found;
  glob_t paths{};
  if (glob(pattern.c_str(), 0, nullptr, &paths) == 0) found.assign(paths.gl_pathv, paths.gl_pathv + paths.gl_pathc);
  globfree(&paths);
  return found;
}

/// What to try, best first.
static std::vector<std::string> places(const std::vector<std::string>& sonames) {
  std::vector<std::string> files = sonames;
  for (const std::string& toolkit :
       {environment("CUDA_HOME"), environment("CUDA_PATH"), std::string("/usr/local/cuda")})
    if (!toolkit.empty())
      for (const std::string& soname : sonames) files.push_back(toolkit + "/lib64/" + soname);
  for (const char* variable : {"VIRTUAL_ENV", "CONDA_PREFIX"})
    if (const std::string prefix = environment(variable); !prefix.empty())
      for (const std::string& soname : sonames)
        for (const std::string& file : matching(prefix + "/lib/python3*/site-packages/nvidia/cu*/lib/" + soname))
          files.push_back(file);  // nvidia/cu13/lib, and nvidia/cublas/lib before version 13
  return files;
}

static std::vector<std::string> sonames_for_driver() {
  std::vector<std::string> names;
#ifndef PT_SIMT
  int driver = 0;
  cudaDriverGetVersion(&driver);
  for (const int major : {13, 12, 11})
    if (driver == 0 || major <= driver / 1000) names.push_back("libcublasLt.so." + std::to_string(major));
#endif
  return names;
}

static std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size(); i++) text += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  return text;
}

std::unique_ptr<CublasLt> CublasLt::open(const std::string& library, std::string& absence) {
  std::unique_ptr<CublasLt> opened(new CublasLt);
  if (library == "none") {
    absence = "as asked";
    return nullptr;
  }
  if (!library.empty()) return opened->load(library, absence) ? std::move(opened) : nullptr;

  const std::vector<std::string> sonames = sonames_for_driver();
  for (const std::string& place : places(sonames)) {
    std::string problem;
    if (opened->load(place, problem)) return opened;
    if (absence.empty() && access(place.c_str(), F_OK) == 0) absence = problem;  // it is there, but cannot be used
  }
  if (absence.empty()) absence = sonames.empty() ? "the emulator has no others" : joined(sonames) + " were not found";
  return nullptr;
}

bool CublasLt::load(const std::string& file, std::string& problem) {
  // Never closed: the library has exit handlers of its own, and a graph may hold its kernels.
  void* handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    problem = dlerror();
    return false;
  }
  const char* missing = nullptr;
#define PT_FIND(result, name, parameters)                                              \
  functions_.name = reinterpret_cast<decltype(functions_.name)>(dlsym(handle, #name)); \
  if (!functions_.name && !missing) missing = #name;
  PT_CUBLASLT_FUNCTIONS(PT_FIND)
#undef PT_FIND
  if (missing) {
    problem = file + " has no " + missing;
    return false;
  }
  link_map* loaded = nullptr;
  path_ = dlinfo(handle, RTLD_DI_LINKMAP, &loaded) == 0 && loaded->l_name[0] ? loaded->l_name : file;
  return true;
}

CublasLt::~CublasLt() {
  if (context_) functions_.cublasLtDestroy(context_);
}

std::string CublasLt::version() const {
  const size_t v = functions_.cublasLtGetVersion();  // 130101 is 13.1.1
  return std::to_string(v / 10000) + "." + std::to_string(v / 100 % 100) + "." + std::to_string(v % 100);
}

Status CublasLt::context(lt::Context*& out) {
  if (!context_)
    if (Status s = check(functions_.cublasLtCreate(&context_), "opening cuBLASLt"); !s.ok()) return s;
  out = context_;
  return Status::success();
}

Status CublasLt::check(lt::Status status, const char* what) const {
  if (status == lt::kSuccess) return Status::success();
  return Status::error(Code::internal, "%s: %s", what, functions_.cublasLtGetStatusString(status));
}

}  // namespace pt::cuda
