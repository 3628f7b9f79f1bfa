// One operand of a product on its way from global memory through shared memory into the registers of the tensor cores.
#pragma once
#include "cuda/gemm_blocking.h"
#include "cuda/ptx.cuh"

namespace pt::cuda {

/// An operand's share of a pipeline stage in shared memory: kOuter rows of op(A) or columns of op(B), kGemmInner of the
/// sum. It lies by the operand's own rows, which run along the sum (kAlongInner: A, or B with trans_b) or across it, so
/// that chunks of 16 bytes travel as they are. The chunks of a row are permuted by the row's number: the 8 chunks that
/// one step of ldmatrix reads, at one place of 8 rows, then lie in different banks.
template <int kOuter, bool kAlongInner>
struct GemmPanel {
  static constexpr int kRows = kAlongInner ? kOuter : kGemmInner;
  static constexpr int kRowChunks = (kAlongInner ? kGemmInner : kOuter) / 8;
  static constexpr int kBytes = kRows * kRowChunks * 16;
  static_assert(kRowChunks == 4 || kRowChunks >= 8, "the permutation is made for these");

  static PT_DEVICE uint32_t offset(int row, int chunk) {
    const int permutation =
        kRowChunks == 4 ? (row >> 1) & 3 : row & 7;  // 4 chunks: two rows fill the 128 bytes of all banks
    return static_cast<uint32_t>((row * kRowChunks + (chunk ^ permutation)) * 16);
  }

  /// The 16 × 16 elements at (outer, inner), as mma_16x8x16 wants them of A.
  static PT_DEVICE void load_left(uint32_t (&r)[4], uint32_t panel, int outer, int inner) {
    const int lane = lane_id();
    load(r, panel, outer + lane / 8 % 2 * 8, inner + lane / 16 * 8);
  }
  /// The same elements as two neighbouring tiles of B: r[0], r[1] are b0, b1 of the first, r[2], r[3] of the second.
  /// (The hardware wants b0, b1 in neighbouring registers; in the order of A each pair would cost two moves.)
  static PT_DEVICE void load_right(uint32_t (&r)[4], uint32_t panel, int outer, int inner) {
    const int lane = lane_id();
    load(r, panel, outer + lane / 16 * 8, inner + lane / 8 % 2 * 8);
  }

 private:
  /// Matrix m of ldmatrix is the 8 × 8 elements at the (outer, inner) that lanes 8m … 8m + 7 give.
  static PT_DEVICE void load(uint32_t (&r)[4], uint32_t panel, int outer, int inner) {
    const int row = lane_id() % 8;
    if constexpr (kAlongInner)
      ldmatrix_x4(r, panel + offset(outer + row, inner / 8));
    else
      ldmatrix_x4_trans(r, panel + offset(inner + row, outer / 8));
  }
};

/// Copies one panel after the other, each thread the same few chunks of each. What lies outside the operand is zero.
/// Unless kAligned, rows start anywhere, and chunks go through registers, element by element.
template <class Panel, bool kAlongInner, int kThreads, bool kAligned>
class GemmLoader {
 public:
  /// From (outer, inner) of an operand with `outer_size` rows or columns and the sum up to `inner_end`.
  PT_DEVICE GemmLoader(const bf16* operand, int outer, int outer_size, int inner, int inner_end, int row_length) {
    const int row = static_cast<int>(threadIdx.x) / Panel::kRowChunks;
    const int chunk = static_cast<int>(threadIdx.x) % Panel::kRowChunks;
    to_ = Panel::offset(row, chunk);
    const int my_outer = outer + (kAlongInner ? row : chunk * 8), my_inner = inner + (kAlongInner ? chunk * 8 : row);
    outer_left_ = outer_size - my_outer;
    inner_left_ = inner_end - my_inner;
    row_length_ = row_length;
    from_ = operand + static_cast<int64_t>(kAlongInner ? my_outer : my_inner) * row_length +
            (kAlongInner ? my_inner : my_outer);
  }

  /// `panel`: where it goes, as a pointer and as a shared address.
  PT_DEVICE void copy_next(unsigned char* panel, uint32_t panel_address) {
#pragma unroll
    for (int i = 0; i < kCopies; i++) {
      const bf16* from = from_ + static_cast<int64_t>(i * kRowStep) * row_length_;
      const uint32_t to = to_ + i * kRowStep * Panel::kRowChunks * 16;  // the permutation repeats after kRowStep rows
      const bool row_exists = i * kRowStep < (kAlongInner ? outer_left_ : inner_left_);
      const int elements = kAlongInner ? inner_left_ : outer_left_;  // that the row still has from here
      if constexpr (kAligned)
        cp_async_16(panel_address + to, from, row_exists && elements > 0);
      else
        *reinterpret_cast<uint4*>(panel + to) = gather(from, row_exists ? elements : 0);
    }
    from_ += kAlongInner ? kGemmInner : static_cast<int64_t>(kGemmInner) * row_length_;
    inner_left_ -= kGemmInner;
  }

 private:
  static constexpr int kRowStep = kThreads / Panel::kRowChunks;
  static constexpr int kCopies = Panel::kRows / kRowStep;
  static_assert(kRowStep % 8 == 0 && Panel::kRows % kRowStep == 0, "every thread copies whole chunks of its own");

  static PT_DEVICE uint4 gather(const bf16* from, int elements) {
    uint32_t words[4] = {0, 0, 0, 0};
#pragma unroll
    for (int e = 0; e < 8; e++)
      if (e < elements) words[e / 2] |= static_cast<uint32_t>(from[e].bits) << e % 2 * 16;
    uint4 chunk;
    chunk.x = words[0], chunk.y = words[1], chunk.z = words[2], chunk.w = words[3];
    return chunk;
  }

  const bf16* from_;             // this thread's first chunk of the next panel
  uint32_t to_;                  // and its place there
  int outer_left_, inner_left_;  // of the operand from that chunk on
  int row_length_;
};

}  // namespace pt::cuda
