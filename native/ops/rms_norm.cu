// A row lives in the registers of its team of threads, so that memory is read once. Up to C = 2048 a team is one warp
// (no barriers, four or eight rows a block), above it is a block.
//
// Bytes a row: forward 4·C, with delta 8·C; backward 6·C, accumulating 8·C, and the partial sums of dweight,
// cuda_partials rows of 4·C that are written and read once. A thread has all its reads of a row under way at once: 64
// to 128 KiB a multiprocessor, where a memory of 5 TB/s needs about 30.
#include <cmath>

#include "cuda/bf16.cuh"
#include "cuda/kernels.h"
#include "cuda/reduce.cuh"
#include "ops/rms_norm.h"

namespace pt::cuda {
namespace {

constexpr int kWarp = 32;
constexpr int kSumWarps = 16;  // of a block of sum_partials

/// kTeam threads own a row of at most kTeam · kVectors · 8 elements; where a team is a warp, as many share a block as
/// find registers when two blocks run at once.
template <int kTeam, int kVectors>
constexpr int kThreads = kTeam == kWarp ? 32 / kVectors * 32 : kTeam;
template <int kTeam, int kVectors>
constexpr int kRows = kThreads<kTeam, kVectors> / kTeam;  // that a block has under way
/// Blocks of backward that a multiprocessor must have registers for; pt::rms_norm_backward::cuda_partials counts on it.
template <int kTeam, int kVectors>
constexpr int kResident = static_cast<int>(pt::rms_norm_backward::resident_blocks(kTeam * kVectors * 8));

template <int kTeam>
PT_DEVICE float team_sum(float x, float* scratch) {
  if constexpr (kTeam == kWarp)
    return warp_sum(x);
  else
    return block_sum<kTeam>(x, scratch);
}

/// The place of this thread's vector `v` in a row; neighbouring threads have neighbouring vectors.
template <int kTeam>
PT_DEVICE int column(int v) {
  return (v * kTeam + static_cast<int>(threadIdx.x) % kTeam) * 8;
}

/// Loads what the team's thread owns of a row; zeros behind its end.
template <int kTeam, int kVectors>
PT_DEVICE void load_row(uint4 (&row)[kVectors], const bf16* p, int C) {
#pragma unroll
  for (int v = 0; v < kVectors; v++) {
    const int j = column<kTeam>(v);
    row[v] = j < C ? *reinterpret_cast<const uint4*>(p + j) : make_uint4(0, 0, 0, 0);
  }
}

}  // namespace

namespace rms_norm_kernels {

/// x, delta, sum, y [R, C], weight [C], rstd [R]; delta and sum null or not.
template <int kTeam, int kVectors>
__global__ void __launch_bounds__(kThreads<kTeam, kVectors>)
    forward(const bf16* x, const bf16* delta, const bf16* weight, bf16* sum, bf16* y, float* rstd, int R, int C,
            float eps) {
  PT_SHARED(shared);
  const int row = static_cast<int>(blockIdx.x) * kRows<kTeam, kVectors> + static_cast<int>(threadIdx.x) / kTeam;
  if (row >= R) return;  // a whole warp
  const int at = row * C;

  uint4 s[kVectors], w[kVectors];
  load_row<kTeam>(s, x + at, C);
  load_row<kTeam>(w, weight, C);
  float squares = 0;
  if (delta) {
    uint4 d[kVectors];
    load_row<kTeam>(d, delta + at, C);
#pragma unroll
    for (int v = 0; v < kVectors; v++) {
      float a[8], b[8];
      unpack8(a, s[v]);
      unpack8(b, d[v]);
#pragma unroll
      for (int k = 0; k < 8; k++) a[k] += b[k];
      s[v] = pack8(a);  // what is normalised is the rounded sum: the one that backward will see
      if (column<kTeam>(v) < C) *reinterpret_cast<uint4*>(sum + at + column<kTeam>(v)) = s[v];
    }
  }
#pragma unroll
  for (int v = 0; v < kVectors; v++) {
    float a[8];
    unpack8(a, s[v]);
#pragma unroll
    for (int k = 0; k < 8; k++) squares += a[k] * a[k];
  }
  const float mean = team_sum<kTeam>(squares, reinterpret_cast<float*>(shared)) / static_cast<float>(C);
  const float scale = 1.0f / sqrtf(mean + eps);
  if (threadIdx.x % kTeam == 0) rstd[row] = scale;
#pragma unroll
  for (int v = 0; v < kVectors; v++) {
    const int j = column<kTeam>(v);
    if (j >= C) continue;
    float a[8], b[8];
    unpack8(a, s[v]);
    unpack8(b, w[v]);
#pragma unroll
    for (int k = 0; k < 8; k++) a[k] = a[k] * scale * b[k];
    store8(y + at + j, a);
  }
}

/// dy, x, dx [R, C], weight [C], rstd [R], partials [gridDim.x, C]: each block's share of dweight.
template <int kTeam, int kVectors>
__global__ void __launch_bounds__(kThreads<kTeam, kVectors>, kResident<kTeam, kVectors>)
    backward(const bf16* dy, const bf16* x, const bf16* weight, const float* rstd, bf16* dx, float* partials, int R,
             int C, bool accumulate_dx) {
  PT_SHARED(shared);
  constexpr int kTeams = kRows<kTeam, kVectors>;  // of a block
  const int team = static_cast<int>(threadIdx.x) / kTeam, stride = static_cast<int>(gridDim.x) * kTeams;
  const float inverse_C = 1.0f / static_cast<float>(C);
  float dweight[kVectors][8] = {};

  for (int row = static_cast<int>(blockIdx.x) * kTeams + team; row < R; row += stride) {
    const int at = row * C;
    uint4 g[kVectors], s[kVectors], before[kVectors] = {};
    load_row<kTeam>(g, dy + at, C);
    load_row<kTeam>(s, x + at, C);
    if (accumulate_dx) load_row<kTeam>(before, dx + at, C);
    const float scale = rstd[row];
    uint4 w[kVectors];
    load_row<kTeam>(w, weight, C);

    float dot = 0;              // Σ weight·dy·s
    float result[kVectors][8];  // of dx what does not wait for dot
#pragma unroll
    for (int v = 0; v < kVectors; v++) {
      float a[8], b[8], c[8];
      unpack8(a, g[v]), unpack8(b, s[v]), unpack8(c, w[v]), unpack8(result[v], before[v]);
#pragma unroll
      for (int k = 0; k < 8; k++) {
        const float weighted = a[k] * c[k];
        dot += weighted * b[k];
        dweight[v][k] += a[k] * b[k] * scale;
        result[v][k] += weighted * scale;
      }
    }
    dot = team_sum<kTeam>(dot, reinterpret_cast<float*>(shared));

    const float pull = dot * inverse_C * scale * scale * scale;
#pragma unroll
    for (int v = 0; v < kVectors; v++) {
      float b[8];
      unpack8(b, s[v]);
#pragma unroll
      for (int k = 0; k < 8; k++) result[v][k] -= b[k] * pull;
      if (const int j = column<kTeam>(v); j < C) store8(dx + at + j, result[v]);
    }
  }

  // The teams of a block add up in shared memory, [kTeams, C].
  float* sums = reinterpret_cast<float*>(shared);
  float* partial = partials + static_cast<int64_t>(blockIdx.x) * C;
  float* mine = kTeams == 1 ? partial : sums + team * C;
#pragma unroll
  for (int v = 0; v < kVectors; v++)
    if (const int j = column<kTeam>(v); j < C) store8(mine + j, dweight[v]);
  if (kTeams == 1) return;
  sync_block();
  for (int j = static_cast<int>(threadIdx.x); j < C; j += kThreads<kTeam, kVectors>) {
    float sum = 0;
#pragma unroll
    for (int t = 0; t < kTeams; t++) sum += sums[t * C + j];
    partial[j] = sum;
  }
}

/// dweight[j] (= | +=) Σ_p partials[p][j]. A block has 32 columns: its warps add every 16th partial, then one warp adds
/// the sums of the warps, always in the same order.
__global__ void __launch_bounds__(kSumWarps * 32)
    sum_partials(const float* partials, float* dweight, int count, int C, bool accumulate) {
  PT_SHARED(shared);
  float* sums = reinterpret_cast<float*>(shared);  // [kSumWarps, 32]
  const int j = static_cast<int>(blockIdx.x) * 32 + lane_id();
  float sum = 0;
  if (j < C) {
#pragma unroll 8
    for (int p = warp_id(); p < count; p += kSumWarps) sum += partials[static_cast<int64_t>(p) * C + j];
  }
  sums[warp_id() * 32 + lane_id()] = sum;
  sync_block();
  if (warp_id() > 0 || j >= C) return;
  float total = accumulate ? dweight[j] : 0.0f;
#pragma unroll
  for (int w = 0; w < kSumWarps; w++) total += sums[w * 32 + lane_id()];
  dweight[j] = total;
}

}  // namespace rms_norm_kernels

// --------------------------------------------------------------------------------------------------------------------

namespace {
/// The kernels for rows of up to `columns`.
struct Team {
  int64_t columns;
  int threads, rows;  // of a block
  decltype(&rms_norm_kernels::forward<32, 4>) forward;
  decltype(&rms_norm_kernels::backward<32, 4>) backward;

  size_t scratch_bytes() const { return static_cast<size_t>(threads / 32) * sizeof(float); }  // of block_sum
};

template <int kTeam, int kVectors>
constexpr Team team() {
  return {kTeam * kVectors * 8, kThreads<kTeam, kVectors>, kRows<kTeam, kVectors>,
          rms_norm_kernels::forward<kTeam, kVectors>, rms_norm_kernels::backward<kTeam, kVectors>};
}

const Team& team_for(int64_t C) {
  static const Team teams[] = {team<32, 4>(), team<32, 8>(), team<128, 4>(), team<256, 4>(), team<512, 4>()};
  const Team* fits = teams;
  while (fits->columns < C) fits++;  // the last has kMostCudaColumns
  return *fits;
}
}  // namespace

Status rms_norm(const Command& c, const Launch& launch) {
  namespace op = pt::rms_norm;
  const auto tensor = [&](int slot) { return static_cast<bf16*>(c.tensor(slot).data); };
  const int64_t R = c.dim(op::x, 0), C = c.dim(op::x, 1);
  const Team& team = team_for(C);
  return start(launch, "rms_norm", team.forward, blocks_for(R, team.rows), team.threads, team.scratch_bytes(),
               tensor(op::x), tensor(op::delta), tensor(op::weight), tensor(op::sum), tensor(op::y), c.f32(op::rstd),
               static_cast<int>(R), static_cast<int>(C), c.real(op::eps));
}

Status rms_norm_backward(const Command& c, const Launch& launch) {
  namespace op = pt::rms_norm_backward;
  const auto tensor = [&](int slot) { return static_cast<bf16*>(c.tensor(slot).data); };
  const int R = static_cast<int>(c.dim(op::dy, 0)), C = static_cast<int>(c.dim(op::dy, 1));
  const int partials = static_cast<int>(op::cuda_partials(R, C));
  float* partial_sums = static_cast<float*>(launch.workspace);  // [partials, C]
  const Team& team = team_for(C);
  const size_t shared = team.rows > 1 ? static_cast<size_t>(team.rows) * C * sizeof(float) : team.scratch_bytes();
  const Status status =
      start(launch, "rms_norm_backward", team.backward, partials, team.threads, shared, tensor(op::dy), tensor(op::x),
            tensor(op::weight), c.f32(op::rstd), tensor(op::dx), partial_sums, R, C, c.flag(op::accumulate_dx));
  if (!status.ok()) return status;
  return start(launch, "rms_norm_backward: sum of partials", rms_norm_kernels::sum_partials, blocks_for(C, 32),
               kSumWarps * 32, kSumWarps * 32 * sizeof(float), partial_sums, c.f32(op::dweight), partials, C,
               c.flag(op::accumulate_dweight));
}

}  // namespace pt::cuda
