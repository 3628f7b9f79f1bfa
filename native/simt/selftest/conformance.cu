#include "simt/selftest/conformance.h"

// The lines of the emulator and of a device can be compared: "exact" ones must be equal, "close" ones only ok in both.
// Exit status: 0 when all is ok, 1 when not, 2 without a device.

namespace conformance {

bool exactly(const char* wrapper, const std::vector<uint32_t>& actual, const std::vector<uint32_t>& expected) {
  uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a, a word at a time
  for (const uint32_t word : actual) hash = (hash ^ word) * 0x100000001b3u;
  size_t wrong = 0, first = 0;
  for (size_t i = 0; i < actual.size(); i++)
    if (actual[i] != expected[i] && wrong++ == 0) first = i;
  std::printf(
      "{\"wrapper\":\"%s\",\"seed\":%u,\"compare\":\"exact\",\"values\":%zu,\"hash\":\"%016llx\",\"wrong\":%zu,\"ok\":%"
      "s}\n",
      wrapper, kSeed, actual.size(), static_cast<unsigned long long>(hash), wrong, wrong == 0 ? "true" : "false");
  if (wrong > 0)
    std::fprintf(stderr, "%s: value %zu is %08x, the formula gives %08x\n", wrapper, first, actual[first],
                 expected[first]);
  return wrong == 0;
}

bool closely(const char* wrapper, double error, double allowed) {
  const bool ok = error <= allowed;  // false for NaN
  std::printf("{\"wrapper\":\"%s\",\"seed\":%u,\"compare\":\"close\",\"error\":%.4g,\"allowed\":%.4g,\"ok\":%s}\n",
              wrapper, kSeed, error, allowed, ok ? "true" : "false");
  return ok;
}

}  // namespace conformance

int main([[maybe_unused]] int argc, [[maybe_unused]] char** argv) {
#ifdef PT_SIMT  // the emulator's options, for instance "check policy=pct seed=3"
  if (const char* problem = simt::configure(argc > 1 ? argv[1] : "check"))
    return std::fprintf(stderr, "%s\n", problem), 1;
#endif
  int devices = 0;
  cudaDeviceProp properties;
  const cudaError_t error = cudaGetDeviceCount(&devices);
  if (error != cudaSuccess || cudaGetDeviceProperties(&properties, 0) != cudaSuccess) {
    std::fprintf(stderr, "no device to run on: %s\n", cudaGetErrorString(error));
    return 2;
  }
  std::fprintf(stderr, "%s, compute capability %d.%d\n", properties.name, properties.major, properties.minor);
  bool ok = true;
  for (const auto check : {conformance::check_matrices, conformance::check_exchange, conformance::check_memory,
                           conformance::check_rounding, conformance::check_functions})
    ok = check() && ok;
  return ok ? 0 : 1;
}
