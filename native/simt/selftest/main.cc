// Runs every planted bug and its clean twin under every policy, and the checks of the runtime's stand-in; prints a JSON
// line for each. Exit status 1 when the emulator missed something, or was wrong about a clean kernel.
#include <cstdio>
#include <string>

#include "simt/selftest/planted.h"
#include "simt/selftest/runtime_checks.h"

namespace selftest {

/// The kind of the problem that a run ends with, "" when it ends well; `where` is where it was found.
static std::string kind_of_run(const PlantedBug& bug, bool planted, const std::string& options, std::string& where) {
  if (const char* problem = simt::configure(options.c_str())) return problem;
  cudaStream_t stream;
  if (cudaStreamCreate(&stream) != cudaSuccess) return "no stream";
  const cudaError_t error = bug.run(planted, stream);
  const std::string report = error == cudaSuccess ? "" : simt::last_report();
  (void)cudaStreamDestroy(stream);
  const size_t at = report.find(" at "), end = report.find(": ");
  if (error == cudaSuccess) return "";
  if (at == std::string::npos || end == std::string::npos) return report + " (" + cudaGetErrorName(error) + ")";
  where = report.substr(at + 4, end - at - 4);
  return report.substr(0, at);
}

static bool is_expected(const char* expected, const std::string& kind) {
  const std::string kinds = std::string("|") + expected + "|";
  return !kind.empty() && kinds.find("|" + kind + "|") != std::string::npos;
}

static bool try_planted(const PlantedBug& bug) {
  bool ok = true;
  std::string found, clean, where;
  for (const char* policy : {"sequential", "random", "pct"}) {
    for (int seed = 1; seed <= 3; seed++) {
      const std::string options = std::string("check policy=") + policy + " seed=" + std::to_string(seed);
      std::string at, ignored;
      const std::string kind = kind_of_run(bug, true, options, at), twin = kind_of_run(bug, false, options, ignored);
      // The line table of the kernel must be found, or reports help nobody.
      ok = ok && is_expected(bug.expected, kind) && at.find(".cu") != std::string::npos && twin.empty();
      if (seed > 1) continue;
      found += (found.empty() ? "\"" : ",\"") + std::string(policy) + "\":\"" + kind + "\"";
      clean += (clean.empty() ? "\"" : ",\"") + std::string(policy) + "\":\"" + twin + "\"";
      where = at;
    }
  }
  std::printf(
      "{\"test\":\"planted\",\"name\":\"%s\",\"expected\":\"%s\",\"found\":{%s},\"clean\":{%s},\"at\":\"%s\",\"ok\":%s}"
      "\n",
      bug.name, bug.expected, found.c_str(), clean.c_str(), where.c_str(), ok ? "true" : "false");
  return ok;
}

static bool try_runtime(const RuntimeCheck& check) {
  const std::string problem = check.run();
  std::printf("{\"test\":\"runtime\",\"name\":\"%s\",\"problem\":\"%s\",\"ok\":%s}\n", check.name, problem.c_str(),
              problem.empty() ? "true" : "false");
  return problem.empty();
}

}  // namespace selftest

int main() {
  using namespace selftest;
  bool ok = true;
  for (int i = 0; i < kPlantedBugCount; i++) ok = try_planted(kPlantedBugs[i]) && ok;
  for (int i = 0; i < kRuntimeCheckCount; i++) ok = try_runtime(kRuntimeChecks[i]) && ok;
  return ok ? 0 : 1;
}
