// Finds the translated PTX of a kernel by the kernel's own symbol.
#include <dlfcn.h>

#include <string>
#include <unordered_map>

#include "simt/kernel_launch.h"
#include "simt/ptx_runtime.h"

namespace simt {

static std::unordered_map<std::string, PtxKernel>& registry() {
  static auto* kernels = new std::unordered_map<std::string, PtxKernel>;
  return *kernels;
}

bool register_ptx(const char* mangled_name, PtxKernel kernel) {
  return registry().emplace(mangled_name, kernel).second;
}

PtxKernel find_ptx(const void* kernel) {
  Dl_info info;
  if (!dladdr(kernel, &info) || !info.dli_sname || info.dli_saddr != kernel) return nullptr;
  const auto found = registry().find(info.dli_sname);
  return found == registry().end() ? nullptr : found->second;
}

}  // namespace simt
