#include "cuda/gemm.h"
#include "cuda/gemm_thin.cuh"
#include "cuda/gemm_tile.cuh"
#include "cuda/kernels.h"
#include "cuda/products.h"
#include "ops/gemm.h"

namespace pt::cuda::gemm_kernels {

constexpr int kCombineThreads = 256;

template <class Tile, bool kTransA, bool kTransB, bool kAligned>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kBlocksAMultiprocessor) multiply(const GemmArguments product) {
  PT_SHARED(shared);
  multiply_tile<Tile, kTransA, kTransB, kAligned>(product, shared);
}

__global__ void __launch_bounds__(kThinWarps * 32, 2) thin(const GemmArguments product) {
  PT_SHARED(shared);
  multiply_thin(product, reinterpret_cast<float*>(shared));
}

/// c (= | +=) the sum of `parts` partial products, the first first; four neighbours a thread.
template <class Element>
__global__ void __launch_bounds__(kCombineThreads, 4)
    combine(const float* __restrict__ partial, int64_t partial_elements, int parts, Element* __restrict__ c,
            int64_t elements, bool accumulate) {
  const int64_t first = (static_cast<int64_t>(blockIdx.x) * kCombineThreads + threadIdx.x) * 4;
  if (first >= elements) return;
  float sums[4];
  if (first + 4 <= elements) {
    load4(sums, partial + first);
    for (int part = 1; part < parts; part++) {
      float more[4];
      load4(more, partial + part * partial_elements + first);
#pragma unroll
      for (int e = 0; e < 4; e++) sums[e] += more[e];
    }
    put4(c + first, sums, accumulate);
    return;
  }
  for (int64_t at = first; at < elements; at++) {
    float sum = partial[at];
    for (int part = 1; part < parts; part++) sum += partial[part * partial_elements + at];
    put(c + at, sum, accumulate);
  }
}

}  // namespace pt::cuda::gemm_kernels

// ---------------------------------------------------------------------------------------------------------------------

namespace pt::cuda {
namespace {

using gemm_kernels::combine;
using gemm_kernels::multiply;
using gemm_kernels::thin;
using MultiplyKernel = void (*)(GemmArguments);

template <class Tile, bool kAligned>
MultiplyKernel multiply_for(const GemmShape& shape) {
  if (shape.trans_a)
    return shape.trans_b ? multiply<Tile, true, true, kAligned> : multiply<Tile, true, false, kAligned>;
  return shape.trans_b ? multiply<Tile, false, true, kAligned> : multiply<Tile, false, false, kAligned>;
}

template <class Tile>
Status start_tiles(const Launch& launch, MultiplyKernel kernel, const GemmArguments& product, int64_t parts) {
  const int64_t tiles = GemmBlocking::blocks(product.M, Tile::kRows) * GemmBlocking::blocks(product.N, Tile::kColumns);
  const dim3 grid(static_cast<unsigned>(tiles), static_cast<unsigned>(parts));
  return start(launch, "gemm", kernel, grid, dim3(Tile::kThreads), Tile::kSharedBytes, product);
}

template <class Element>
Status start_combine(const Launch& launch, const GemmArguments& whole, const GemmArguments& partial, int64_t parts) {
  const int64_t elements = static_cast<int64_t>(whole.M) * whole.N;
  return start(launch, "gemm, adding up the parts", combine<Element>,
               dim3(blocks_for(elements, gemm_kernels::kCombineThreads * 4)), dim3(gemm_kernels::kCombineThreads), 0,
               static_cast<const float*>(partial.c), partial.partial_elements, static_cast<int>(parts),
               static_cast<Element*>(whole.c), elements, whole.accumulate);
}

}  // namespace

Status own_gemm(const Command& cmd, const Launch& launch) {
  const GemmShape shape(cmd);
  const GemmBlocking blocking(shape);
  GemmArguments product;
  product.a = static_cast<const bf16*>(cmd.tensor(gemm::a).data);
  product.b = static_cast<const bf16*>(cmd.tensor(gemm::b).data);
  product.c = cmd.tensor(gemm::c).data;
  product.M = static_cast<int>(shape.M), product.N = static_cast<int>(shape.N);
  product.inner = static_cast<int>(shape.inner), product.inner_part = static_cast<int>(blocking.inner_part);
  product.partial_elements = GemmBlocking::partial_floats(shape);
  product.c_is_f32 = shape.c == DType::f32, product.accumulate = shape.accumulate;

  if (blocking.kernel == GemmBlocking::Kernel::thin)
    return start(launch, "gemm with few rows", thin, dim3(blocks_for(shape.N, GemmBlocking::kThinColumns)),
                 dim3(kThinWarps * 32), kThinSharedBytes, product);

  GemmArguments sums = product;
  if (blocking.parts > 1) sums.c = launch.workspace, sums.c_is_f32 = true, sums.accumulate = false;
  Status started;
  if (blocking.kernel == GemmBlocking::Kernel::large)
    started = start_tiles<LargeGemmTile>(launch, multiply_for<LargeGemmTile, true>(shape), sums, blocking.parts);
  else
    started = start_tiles<SmallGemmTile>(launch,
                                         GemmBlocking::aligned(shape) ? multiply_for<SmallGemmTile, true>(shape)
                                                                      : multiply_for<SmallGemmTile, false>(shape),
                                         sums, blocking.parts);
  if (!started.ok() || blocking.parts == 1) return started;
  return product.c_is_f32 ? start_combine<float>(launch, product, sums, blocking.parts)
                          : start_combine<bf16>(launch, product, sums, blocking.parts);
}

Status gemm(const Command& cmd, const Launch& launch) { return launch.products.run(cmd, launch); }

}  // namespace pt::cuda
