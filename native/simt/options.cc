#include "simt/options.h"

#include <cerrno>
#include <cstdlib>
#include <sstream>

#include "simt/shared_memory.h"

namespace simt {

static thread_local std::string t_error;

static bool parse_number(const std::string& text, uint64_t& value) {
  if (text.empty() || text[0] < '0' || text[0] > '9') return false;
  char* end;
  errno = 0;
  value = std::strtoull(text.c_str(), &end, 10);
  return errno == 0 && *end == '\0';
}

static bool parse_policy(const std::string& text, Policy& policy) {
  if (text == "sequential") return policy = Policy::sequential, true;
  if (text == "random") return policy = Policy::random, true;
  if (text == "pct") return policy = Policy::pct, true;
  return false;
}

static bool parse_capability(const std::string& text, Options& options) {
  uint64_t major, minor;
  const size_t dot = text.find('.');
  if (dot == std::string::npos) return false;
  if (!parse_number(text.substr(0, dot), major) || !parse_number(text.substr(dot + 1), minor)) return false;
  options.capability_major = static_cast<int>(major);
  options.capability_minor = static_cast<int>(minor);
  return true;
}

static bool set(Options& options, const std::string& name, const std::string& value) {
  if (name == "policy") return parse_policy(value, options.policy);
  if (name == "capability") return parse_capability(value, options);
  if (name == "check" || name == "ptx" || name == "stats") {
    if (!value.empty()) return false;
    (name == "check" ? options.check : name == "ptx" ? options.ptx : options.stats) = true;
    return true;
  }
  uint64_t n;
  if (!parse_number(value, n)) return false;
  if (name == "seed") return options.seed = n, true;
  if (name == "devices") return options.devices = static_cast<int>(n), true;
  if (name == "shared") return options.shared = n, n <= SharedMemory::kMaxBytes;
  if (name == "memory") return options.memory = n, true;
  if (name == "driver") return options.driver = static_cast<int>(n), true;
  if (name == "fail_launch") return options.fail_launch = static_cast<int64_t>(n), true;
  return false;
}

const char* parse(const char* text, Options& options) {
  Options parsed;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
    if (set(parsed, name, value)) continue;
    t_error =
        "the emulator does not know the option '" + word +
        "'; known: policy=sequential|random|pct, seed=N, check, ptx, stats, devices=N, capability=8.0, shared=BYTES, "
        "memory=BYTES, driver=N, fail_launch=N";
    return t_error.c_str();
  }
  options = parsed;
  return nullptr;
}

}  // namespace simt
