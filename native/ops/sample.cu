// Four steps, each a kernel: the largest logit; if the choice is restricted, the tokens ranked by logit (a sort); the
// mass of every chunk of ranks; the draw, in which two scans find a rank, first its chunk and then its place there.
// The floor is nothing (2·V bytes): what counts is the number of launches, 3, or 10 with a sort.
#include <cmath>

#include "core/philox.h"
#include "cuda/bf16.cuh"
#include "cuda/kernels.h"
#include "cuda/reduce.cuh"
#include "cuda/sort.h"
#include "ops/sample.h"

namespace pt::cuda {

namespace sample_kernels {
/// p = exp((logit − greatest) / temperature) of the tokens in the order in which they are drawn.
struct Distribution {
  const bf16* logits;       // [V]
  const SortEntry* ranked;  // [V] value: a token; null: by id
  const float* greatest;    // [1]
  double temperature;

  PT_DEVICE int token(int rank) const { return ranked ? ranked[rank].value : rank; }
  PT_DEVICE double mass(int rank) const {
    const double z = static_cast<double>(to_float(logits[token(rank)]));
    return exp((z - static_cast<double>(*greatest)) / temperature);
  }
};
}  // namespace sample_kernels

namespace {
using sample_kernels::Distribution;

constexpr int kThreads = 1024;  // of the blocks that work alone
constexpr int kWarps = kThreads / 32;
constexpr int kKeyBits = 16;
constexpr int kInvalid = 0xffff;  // the key of NaN and +inf
constexpr int kChunk = pt::sample::kCudaChunk;
constexpr int kChunkThreads = 256;
static_assert(kChunk == kThreads, "the draw gives each rank of a chunk a thread");
static_assert(kWarps == 32, "and a lane of each warp looks at one warp's results");

/// Orders bf16 as their values are ordered.
PT_DEVICE int key_of(bf16 logit) {
  const int bits = logit.bits;
  if (bits == 0x7f80 || (bits & 0x7fff) > 0x7f80) return kInvalid;
  if (bits == 0x8000) return 0x8000;  // −0 is 0
  return bits & 0x8000 ? 0xffff ^ bits : bits | 0x8000;
}

/// The larger logit; the lower id among equals.
struct Candidate {
  int key, token;

  PT_DEVICE void take(int other_key, int other_token) {
    if (other_key < key || (other_key == key && other_token > token)) return;
    key = other_key;
    token = other_token;
  }
};

/// Shared memory of the draw.
struct Scratch {
  double through[kThreads];
  double warps[kWarps];
  uint32_t crossed[kWarps];  // bit l: lane l
};

/// The sum of x over the lanes up to this one.
PT_DEVICE double warp_sum_through(double x) {
#pragma unroll
  for (int distance = 1; distance < 32; distance *= 2) {
    const double below = shuffle(x, (lane_id() - distance) & 31);
    if (lane_id() >= distance) x += below;
  }
  return x;
}

/// through[t] = before + the sum of x over the threads 0 … t
PT_DEVICE void sum_through(double x, double before, Scratch& scratch) {
  const double within_warp = warp_sum_through(x);
  if (lane_id() == 31) scratch.warps[warp_id()] = within_warp;
  sync_block();
  if (warp_id() == 0) {
    scratch.warps[lane_id()] = warp_sum_through(scratch.warps[lane_id()]);
  }
  sync_block();
  scratch.through[threadIdx.x] = before + (warp_id() > 0 ? scratch.warps[warp_id() - 1] : 0) + within_warp;
  sync_block();
}

/// The place of the lowest bit that is set.
PT_DEVICE int lowest(uint32_t bits) { return popcount((bits & (0u - bits)) - 1); }

struct Crossing {
  int index;
  double before, through;  // the sum up to it, without and with it
};

/// The first of `count` items at which before + their running sum is above the target, or (kReach) has reached it; if
/// rounding keeps the sum below, the item that completes it. x: the item of this thread.
template <bool kReach>
PT_DEVICE Crossing find_crossing(double x, int count, double before, double target, Scratch& scratch) {
  const int thread = static_cast<int>(threadIdx.x);
  sum_through(thread < count ? x : 0, before, scratch);
  const double mine = scratch.through[thread];
  const bool crossed = (kReach ? mine >= target : mine > target) || mine >= scratch.through[count - 1];
  const uint32_t lanes = ballot(crossed);
  if (lane_id() == 0) scratch.crossed[warp_id()] = lanes;
  sync_block();
  const uint32_t warps = ballot(scratch.crossed[lane_id()] != 0);
  // Not a number, all of them: none crossed.
  const int first = warps == 0 ? count - 1 : 32 * lowest(warps) + lowest(scratch.crossed[lowest(warps)]);
  const Crossing crossing{first, first > 0 ? scratch.through[first - 1] : before, scratch.through[first]};
  sync_block();
  return crossing;
}

/// The same for the masses of the first `count` ranks.
template <bool kReach>
PT_DEVICE Crossing find_rank(const Distribution& d, const double* masses, int count, double target, Scratch& scratch) {
  const int thread = static_cast<int>(threadIdx.x), chunks = (count + kChunk - 1) / kChunk;
  const Crossing chunk = find_crossing<kReach>(thread < chunks ? masses[thread] : 0, chunks, 0, target, scratch);
  const int first = chunk.index * kChunk, ranks = count - first < kChunk ? count - first : kChunk;
  Crossing rank =
      find_crossing<kReach>(thread < ranks ? d.mass(first + thread) : 0, ranks, chunk.before, target, scratch);
  rank.index += first;
  return rank;
}
}  // namespace

namespace sample_kernels {

/// One block: the largest logit and its token, and whether there is one.
__global__ void __launch_bounds__(kThreads)
    find_greatest(const bf16* logits, int V, float* greatest, int32_t* token, FaultReport fault) {
  PT_SHARED(shared);
  int* keys = reinterpret_cast<int*>(shared);  // [kWarps]
  int* tokens = keys + kWarps;                 // [kWarps]
  Candidate best{-1, 0};
  const int vectors = V / 8;
#pragma unroll 4
  for (int i = static_cast<int>(threadIdx.x); i < vectors; i += kThreads) {
    const uint4 packed = reinterpret_cast<const uint4*>(logits)[i];
    const uint32_t pairs[4] = {packed.x, packed.y, packed.z, packed.w};
#pragma unroll
    for (int e = 0; e < 8; e++) best.take(key_of(bf16{static_cast<uint16_t>(pairs[e / 2] >> 16 * (e % 2))}), 8 * i + e);
  }
  const int rest = 8 * vectors + static_cast<int>(threadIdx.x);
  if (rest < V) best.take(key_of(logits[rest]), rest);

#pragma unroll
  for (int mask = 16; mask > 0; mask >>= 1) {
    const int key = shuffle_xor(best.key, mask), other = shuffle_xor(best.token, mask);
    best.take(key, other);
  }
  if (lane_id() == 0) {
    keys[warp_id()] = best.key;
    tokens[warp_id()] = best.token;
  }
  sync_block();
  if (threadIdx.x != 0) return;
  for (int w = 1; w < kWarps; w++) best.take(keys[w], tokens[w]);
  *greatest = to_float(logits[best.token]);
  *token = best.token;
  if (best.key == kInvalid) fault.raise(FaultKind::logit, best.token, 0, 0);
  if (*greatest == -INFINITY) fault.raise(FaultKind::logit, 0, 0, 1);
}

/// What the tokens are sorted by: the largest logit first, by id among equals because the sort keeps their order.
__global__ void __launch_bounds__(kChunkThreads) make_entries(const bf16* logits, int V, SortEntry* entries) {
  const int v = static_cast<int>(blockIdx.x * kChunkThreads + threadIdx.x);
  if (v < V) entries[v] = {static_cast<uint32_t>(0xffff - key_of(logits[v])), v};
}

/// One block a chunk of ranks.
__global__ void __launch_bounds__(kChunkThreads) sum_masses(Distribution d, int count, double* masses) {
  PT_SHARED(shared);
  double sum = 0;
#pragma unroll
  for (int i = 0; i < kChunk / kChunkThreads; i++) {
    const int rank = static_cast<int>(blockIdx.x) * kChunk + i * kChunkThreads + static_cast<int>(threadIdx.x);
    if (rank < count) sum += d.mass(rank);
  }
  sum = block_sum<kChunkThreads>(sum, reinterpret_cast<double*>(shared));
  if (threadIdx.x == 0) masses[blockIdx.x] = sum;
}

/// One block: draws among the first `count` ranks, or (top_p < 1) as few of them as hold that share of the mass.
__global__ void __launch_bounds__(kThreads) draw(Distribution d, const double* masses, int count, double top_p,
                                                 Philox random, const int32_t* counter, int32_t* token) {
  PT_SHARED(shared);
  Scratch& scratch = *reinterpret_cast<Scratch*>(shared);
  const int thread = static_cast<int>(threadIdx.x);
  double mass = block_sum<kThreads>(thread * kChunk < count ? masses[thread] : 0, scratch.warps);
  if (top_p < 1) {
    const Crossing last = find_rank<true>(d, masses, count, top_p * mass, scratch);
    count = last.index + 1;
    mass = last.through;
  }
  const double uniform = Philox::uniform(random(static_cast<uint32_t>(*counter)).v[0]);
  const Crossing drawn = find_rank<false>(d, masses, count, uniform * mass, scratch);
  if (thread == 0) *token = d.token(drawn.index);
}
}  // namespace sample_kernels

// -----------------------------------------------------------------------------------------------------------------

Status sample(const Command& c, const Launch& launch) {
  namespace op = pt::sample;
  using namespace sample_kernels;
  const bf16* logits = static_cast<const bf16*>(c.tensor(op::logits).data);
  const int V = static_cast<int>(c.dim(op::logits, 0));
  const op::CudaWorkspace parts(V);
  unsigned char* workspace = static_cast<unsigned char*>(launch.workspace);
  float* greatest = reinterpret_cast<float*>(workspace);
  double* masses = reinterpret_cast<double*>(workspace + parts.masses);

  Status status = start(launch, "sample: greatest", find_greatest, dim3(1), dim3(kThreads), 2 * kWarps * sizeof(int),
                        logits, V, greatest, c.i32(op::token), launch.fault);
  const double temperature = c.params[op::temperature], top_p = c.params[op::top_p];
  if (!status.ok() || temperature == 0) return status;

  const int64_t top_k = c.integer(op::top_k);
  const int count = top_k == 0 || top_k > V ? V : static_cast<int>(top_k);
  Distribution distribution{logits, nullptr, greatest, temperature};
  if (count < V || top_p < 1) {
    SortEntry* entries = reinterpret_cast<SortEntry*>(workspace + parts.entries);
    status = start(launch, "sample: entries", make_entries, dim3(blocks_for(V, kChunkThreads)), dim3(kChunkThreads), 0,
                   logits, V, entries);
    if (!status.ok()) return status;
    status = sort(launch, entries, reinterpret_cast<SortEntry*>(workspace + parts.spare),
                  reinterpret_cast<int32_t*>(workspace + parts.counts), V, kKeyBits, &distribution.ranked);
    if (!status.ok()) return status;
  }
  status = start(launch, "sample: masses", sum_masses, dim3(blocks_for(count, kChunk)), dim3(kChunkThreads),
                 kChunkThreads / 32 * sizeof(double), distribution, count, masses);
  if (!status.ok()) return status;
  const Philox random{static_cast<uint32_t>(c.integer(op::seed_low)), static_cast<uint32_t>(c.integer(op::seed_high)),
                      op::kStream};
  return start(launch, "sample: draw", draw, dim3(1), dim3(kThreads), sizeof(Scratch), distribution,
               static_cast<const double*>(masses), count, top_p, random,
               static_cast<const int32_t*>(c.i32(op::counter)), c.i32(op::token));
}

}  // namespace pt::cuda
