#include <vector>

#include "simt/selftest/planted.cuh"
#include "simt/selftest/planted.h"

namespace selftest {

using namespace planted_kernels;

namespace {

/// Device memory for the length of a launch.
class Buffer {
 public:
  explicit Buffer(size_t bytes) {
    if (cudaMalloc(&data_, bytes) != cudaSuccess) data_ = nullptr;
  }
  static Buffer of_ones(size_t floats) {
    Buffer b(4 * floats);
    const std::vector<float> ones(floats, 1.0f);
    (void)cudaMemcpy(b.data_, ones.data(), 4 * floats, cudaMemcpyHostToDevice);
    return b;
  }
  Buffer(Buffer&& from) noexcept : data_(from.data_) { from.data_ = nullptr; }
  ~Buffer() { (void)cudaFree(data_); }
  template <class T>
  operator T*() const {
    return static_cast<T*>(data_);
  }

 private:
  void* data_ = nullptr;
};

template <class... Parameters, class... Arguments>
cudaError_t finish(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
                   const Arguments&... arguments) {
  const cudaError_t error =
      simt::launch<Parameters...>(kernel, grid, block, shared_bytes, stream, static_cast<Parameters>(arguments)...);
  return error != cudaSuccess ? error : cudaStreamSynchronize(stream);
}

}  // namespace

/// A case whose kernel takes the arguments given after the launch's shape.
#define CASE(name, expected, grid, block, shared_bytes, buffers, ...)                                   \
  {                                                                                                     \
#name, expected, [](bool planted, cudaStream_t stream) {                                              \
     buffers return planted ? finish(name<true>, grid, block, shared_bytes, stream, __VA_ARGS__)         \
                            : finish(name<false>, grid, block, shared_bytes, stream, __VA_ARGS__);       \
   } \
  }
#define X(floats) const Buffer x = Buffer::of_ones(floats);
#define Y(floats) const Buffer y(4 * (floats));
#define ONES_Y(floats) const Buffer y = Buffer::of_ones(floats);

const char kRace[] = "race in shared memory";
// Which one depends on how far the other threads have come.
const char kRaceOrCopy[] = "race in shared memory|copy under way|uninitialised shared memory";

const PlantedBug kPlantedBugs[] = {
    CASE(no_barrier_after_wait, kRaceOrCopy, 1, kThreads, 4 * kTile, X(kTile) Y(kThreads), x, y),
    CASE(prefetch_too_early, kRaceOrCopy, 1, kThreads, 8 * kTile, X(4 * kTile) Y(kThreads), x, y, 4),
    CASE(no_barrier_between_reductions, kRace, 1, kThreads, 16, X(kThreads) Y(kThreads), x, y),
    CASE(wait_counts_wrong, "copy under way", 1, kThreads, 8 * kTile, X(2 * kTile) Y(kThreads), x, y),
    CASE(copies_left_at_exit, "unfinished copies", 1, kThreads, 4 * kTile, X(kTile) Y(kThreads), x, y),
    CASE(shuffle_for_sync_warp, kRace, 1, 32, 128, Y(32), y),
    CASE(write_after_reads_of_the_block, kRace, 1, kThreads, 4, Y(kThreads), y),
    CASE(write_after_reads_of_the_warp, kRace, 1, 32, 4, Y(32), y),
    CASE(plain_count_in_shared, kRace, 1, kThreads, 4, Y(kThreads), y),

    CASE(read_then_mask, "outside global memory", 1, kThreads, 0, X(100) Y(kThreads), x, y, 100),
    CASE(copy_then_mask, "outside global memory", 1, kThreads, 4 * kTile, X(500) Y(kThreads), x, y, 500),
    CASE(past_the_end_of_shared, "outside shared memory", 1, kThreads, 4 * kThreads, Y(kThreads), y),
    CASE(uninitialised_shared, "uninitialised shared memory", 1, kThreads, 4 * kThreads, Y(kThreads), y),
    CASE(uninitialised_global, "uninitialised global memory", 1, kThreads, 0, Y(kThreads), y),
    CASE(misaligned_vector, "misaligned", 1, kThreads, 0, X(kTile + 4) Y(kThreads), x, y),
    CASE(misaligned_store, "misaligned", 1, kThreads, 0, Y(2 * kThreads + 2), y),
    CASE(misaligned_matrix_row, "misaligned", 1, 32, 640, Y(32), y),

    CASE(plain_sum_of_blocks, "race between blocks", 4, 32, 0, ONES_Y(1), y),
    CASE(blocks_write_the_same, "race between blocks", 4, 32, 0, Y(128), y),
    CASE(shift_in_place, "race between blocks", 4, 32, 0, ONES_Y(129), y),

    CASE(shuffle_in_a_branch, "deadlock", 1, 32, 0, Y(32), y),
    CASE(barriers_apart, "divergence", 1, kThreads, 0, Y(kThreads), y),
    CASE(ended_lanes_are_missed, "deadlock", 1, kThreads, 0, Y(kThreads), y),
    CASE(barrier_in_a_branch, "deadlock", 1, kThreads, 0, Y(kThreads), y),
};
const int kPlantedBugCount = sizeof kPlantedBugs / sizeof kPlantedBugs[0];

}  // namespace selftest
