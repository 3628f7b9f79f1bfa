// Shuffles, ballots, atomics: what threads tell each other.
#include "cuda/reduce.cuh"
#include "simt/selftest/conformance.h"

using namespace pt::cuda;

namespace conformance {

namespace exchange_kernels {

/// `out` [8, 32]: a row for each wrapper.
__global__ void __launch_bounds__(32) exchange(const uint32_t* values, const int* sources, uint32_t* out) {
  const int lane = static_cast<int>(threadIdx.x);
  const uint32_t mine = values[lane];
  out[0 * 32 + lane] = shuffle_bits(mine, sources[lane]);
  out[1 * 32 + lane] = shuffle_xor(static_cast<int32_t>(mine), 13);
  const double wide = shuffle(static_cast<double>(mine) * 4294967297.0, sources[lane]);
  out[2 * 32 + lane] = static_cast<uint32_t>(wide / 4294967297.0);
  out[3 * 32 + lane] = pt::cuda::ballot(mine % 3 == 0);
  out[4 * 32 + lane] = static_cast<uint32_t>(lane_id());
  out[5 * 32 + lane] = static_cast<uint32_t>(warp_sum(static_cast<int32_t>(mine & 0xffff)));
  out[6 * 32 + lane] = float_to_bits(warp_max(static_cast<float>(mine & 0xffff)));
  out[7 * 32 + lane] = float_to_bits(shuffle(bits_to_float(mine & 0x7f7fffff), sources[lane]));
}

/// `out` [3, threads of the grid]
__global__ void __launch_bounds__(128) reduce_block(const float* x, float* out) {
  PT_SHARED(shared);
  float* scratch = reinterpret_cast<float*>(shared);
  const int i = static_cast<int>(blockIdx.x * 128 + threadIdx.x), count = static_cast<int>(gridDim.x * 128);
  out[i] = block_sum<128>(x[i], scratch);
  out[count + i] = block_max<128>(x[i], scratch);
  out[2 * count + i] = static_cast<float>(warp_id());
}

/// counters: [sum, winner of the compare-and-swap + 1, number of winners]
__global__ void __launch_bounds__(64) count(int32_t* counters) {
  const int32_t me = static_cast<int32_t>(blockIdx.x * 64 + threadIdx.x);
  atomic_add(&counters[0], me);
  if (atomic_compare_swap(&counters[1], 0, me + 1) == 0) atomic_add(&counters[2], 1);
}

}  // namespace exchange_kernels

// ------------------------------------------------------------------------------------------------------------------

static bool check_shuffles() {
  Numbers numbers;
  std::vector<uint32_t> values(32);
  std::vector<int> sources(32);
  for (uint32_t& v : values) v = numbers.bits();
  for (int& s : sources) s = numbers.integer(0, 63);  // beyond the warp: modulo 32
  const Device<uint32_t> device_values(values), out(8 * 32);
  const Device<int> device_sources(sources);
  run(exchange_kernels::exchange, 1, 32, 0, device_values.data(), device_sources.data(), out.data());

  uint32_t votes = 0, sum = 0;
  float greatest = 0;
  for (int lane = 0; lane < 32; lane++) {
    votes |= static_cast<uint32_t>(values[lane] % 3 == 0) << lane;
    sum += values[lane] & 0xffff;
    if (static_cast<float>(values[lane] & 0xffff) > greatest) greatest = static_cast<float>(values[lane] & 0xffff);
  }
  const char* wrappers[8] = {"shuffle_bits", "shuffle_xor", "shuffle double", "ballot",
                             "lane_id",      "warp_sum",    "warp_max",       "shuffle float"};
  const std::vector<uint32_t> actual = out.values();
  bool ok = true;
  for (int w = 0; w < 8; w++) {
    std::vector<uint32_t> expected(32);
    for (int lane = 0; lane < 32; lane++) {
      const uint32_t from_source = values[sources[lane] % 32];
      const uint32_t rows[8] = {
          from_source,       values[lane ^ 13],       from_source, votes, static_cast<uint32_t>(lane), sum,
          to_bits(greatest), from_source & 0x7f7fffff};
      expected[lane] = rows[w];
    }
    ok = exactly(wrappers[w], {actual.begin() + w * 32, actual.begin() + (w + 1) * 32}, expected) && ok;
  }
  return ok;
}

static bool check_blocks() {
  constexpr int kBlocks = 3, kCount = kBlocks * 128;
  Numbers numbers;
  std::vector<float> x(kCount);
  for (float& v : x) v = static_cast<float>(numbers.integer(-1000, 1000));
  const Device<float> device_x(x), out(3 * kCount);
  run(exchange_kernels::reduce_block, kBlocks, 128, 16, device_x.data(), out.data());
  std::vector<uint32_t> actual, expected;
  for (const float v : out.values()) actual.push_back(to_bits(v));
  for (int what = 0; what < 3; what++)
    for (int i = 0; i < kCount; i++) {
      float sum = 0, greatest = -INFINITY;
      for (int j = i / 128 * 128; j < i / 128 * 128 + 128; j++)
        sum += x[j], greatest = x[j] > greatest ? x[j] : greatest;
      expected.push_back(to_bits(what == 0 ? sum : what == 1 ? greatest : static_cast<float>(i % 128 / 32)));
    }
  return exactly("block_sum, block_max, warp_id", actual, expected);
}

static bool check_atomics() {
  const Device<int32_t> counters(std::vector<int32_t>(3, 0));
  run(exchange_kernels::count, 10, 64, 0, counters.data());
  const std::vector<int32_t> c = counters.values();
  const bool a_winner = c[1] >= 1 && c[1] <= 640;  // which one is the schedule's choice
  return exactly("atomic_add, atomic_compare_swap",
                 {static_cast<uint32_t>(c[0]), static_cast<uint32_t>(a_winner), static_cast<uint32_t>(c[2])},
                 {639 * 640 / 2, 1, 1});
}

bool check_exchange() {
  bool ok = check_shuffles();
  ok = check_blocks() && ok;
  return check_atomics() && ok;
}

}  // namespace conformance
