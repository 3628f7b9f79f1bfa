#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "cpu/kernels.h"
#include "cpu/simd.h"

namespace pt::cpu {

static double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Twelve independent chains of multiply-adds hide the latency of two units that take one a cycle each.
static double multiply_adds(int64_t rounds) {
  constexpr int kChains = 12;
  simd::F chain[kChains];
  // Numbers that the compiler does not know: it took a chain that starts at the fixed point of x · a + b out of the
  // loop.
  volatile float first = 2.0f;
  for (int i = 0; i < kChains; i++) chain[i] = simd::set(first + 0.01f * static_cast<float>(i));
  const simd::F a = simd::set(0.999f), b = simd::set(0.001f);
  for (int64_t r = 0; r < rounds; r++)
    for (int i = 0; i < kChains; i++) chain[i] = chain[i] * a + b;
  simd::F total = {};
  for (int i = 0; i < kChains; i++) total += chain[i];
  volatile float keep = simd::sum(total);
  (void)keep;
  return static_cast<double>(rounds) * kChains * simd::kLanes * 2;
}

Ceilings measure_ceilings(Workers& workers) {
  Ceilings best = {0, 0};
  const int n = workers.count();
  // Many short repeats: on a busy machine a few of them still run undisturbed, and the best one counts.
  constexpr int kRepeats = 50;
  constexpr int64_t kRounds = 100'000;
  constexpr size_t kBytes = size_t{64} << 20;  // each worker's share of a copy
  auto* memory = static_cast<char*>(std::malloc(2 * kBytes * n));
  if (memory) std::memset(memory, 1, 2 * kBytes * n);
  for (int repeat = 0; repeat < kRepeats; repeat++) {
    auto start = std::chrono::steady_clock::now();
    double flops = 0;
    parallel_for(workers, n, [&](int64_t task, int) {
      const double done = multiply_adds(kRounds);
      if (task == 0) flops = done * n;
    });
    best.flops_per_second = std::max(best.flops_per_second, flops / seconds_since(start));
    if (!memory) continue;
    start = std::chrono::steady_clock::now();
    parallel_for(workers, n, [&](int64_t task, int) {
      std::memcpy(memory + 2 * task * kBytes, memory + (2 * task + 1) * kBytes, kBytes);
    });
    best.bytes_per_second = std::max(best.bytes_per_second, 2.0 * kBytes * n / seconds_since(start));
  }
  std::free(memory);
  return best;
}

}  // namespace pt::cpu
