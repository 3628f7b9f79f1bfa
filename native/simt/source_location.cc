// From return addresses to lines of the source, through addr2line.
#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>

#include <cstdio>
#include <cstring>
#include <map>
#include <vector>

#include "simt/report.h"

namespace simt {

struct CodeAddress {
  std::string object;  // the file
  size_t offset;       // as the file counts
};

/// Of the call before a return address; an empty object where there is none.
static CodeAddress code_address(const void* return_address) {
  Dl_info info;
  const char* call = static_cast<const char*>(return_address) - 1;
  if (!dladdr(call, &info) || !info.dli_fname) return {"", 0};
  // An executable that cannot be moved (ELF's ET_EXEC) counts addresses as memory does, everything else from its start.
  const uint16_t type = static_cast<const ElfW(Ehdr)*>(info.dli_fbase)->e_type;
  const char* start = type == ET_EXEC ? nullptr : static_cast<const char*>(info.dli_fbase);
  return {info.dli_fname, static_cast<size_t>(call - start)};
}

/// "/path/rms_norm.cu:74" → "rms_norm.cu:74"; nothing for what is not code of a kernel.
static std::string kernel_line(const std::string& frame) {
  const std::string line = frame.substr(frame.rfind('/') + 1);  // npos + 1 is 0
  const std::string file = line.substr(0, line.rfind(':'));
  const size_t dot = file.rfind('.');
  const std::string extension = dot == std::string::npos ? "" : file.substr(dot);
  return extension == ".cu" || extension == ".cuh" ? line : "";
}

/// What addr2line prints, without the wrappers of ptx.cuh where something called them (translated PTX does not say
/// who).
static std::string read_kernel_lines(FILE* pipe) {
  std::string text, wrapper;
  char frame[1024];
  while (std::fgets(frame, sizeof frame, pipe)) {
    const std::string line = kernel_line(std::string(frame, std::strcspn(frame, " \n")));  // not "(discriminator 2)"
    if (line.rfind("ptx.cuh:", 0) == 0)
      wrapper = line;
    else if (!line.empty())
      text += (text.empty() ? "" : " in ") + line;
  }
  return text.empty() ? wrapper : text;
}

/// The lines of kernel code at some return addresses of one object, innermost first: "bf16.cuh:23 in rms_norm.cu:74".
static std::string kernel_lines(const std::string& object, const std::vector<size_t>& offsets) {
  std::string command = "addr2line -ie '" + object + "'";
  for (const size_t offset : offsets) {
    char number[32];
    std::snprintf(number, sizeof number, " 0x%zx", offset);
    command += number;
  }
  static auto* known = new std::map<std::string, std::string>;  // command → answer; calls are serialised by the launch
  const auto found = known->find(command);
  if (found != known->end()) return found->second;
  FILE* pipe = popen((command + " 2>/dev/null").c_str(), "r");
  if (!pipe) return "";
  const std::string text = read_kernel_lines(pipe);
  pclose(pipe);
  return (*known)[command] = text;
}

static std::string symbol(const void* address) {
  Dl_info info;
  if (!dladdr(address, &info) || !info.dli_sname) return "an unknown place";
  return std::string(info.dli_sname) + "+" +
         std::to_string(static_cast<const char*>(address) - static_cast<const char*>(info.dli_saddr));
}

std::string source_location(const void* return_address) {
  const CodeAddress code = code_address(return_address);
  const std::string lines = code.object.empty() ? "" : kernel_lines(code.object, {code.offset});
  return lines.empty() ? symbol(return_address) : lines;
}

std::string source_location_near(const void* return_address, uint32_t low_half) {
  const uintptr_t near = reinterpret_cast<uintptr_t>(return_address);
  const int32_t distance = static_cast<int32_t>(low_half - static_cast<uint32_t>(near));
  return source_location(reinterpret_cast<const void*>(near + static_cast<intptr_t>(distance)));
}

std::string current_location() {
  void* frames[32];
  const int count = backtrace(frames, 32);
  std::map<std::string, std::vector<size_t>> objects;  // in practice one holds all kernels
  for (int i = 0; i < count; i++) {
    const CodeAddress code = code_address(frames[i]);
    if (!code.object.empty()) objects[code.object].push_back(code.offset);
  }
  for (const auto& [object, offsets] : objects) {
    const std::string lines = kernel_lines(object, offsets);
    if (!lines.empty()) return lines;
  }
  return "an unknown place (compile kernels with -g)";
}

}  // namespace simt
