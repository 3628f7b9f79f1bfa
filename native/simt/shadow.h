// What the checker remembers of each two bytes of memory: who wrote and who read them last, and whether they hold
// anything. Two bytes, because that is the smallest element of any kernel here (bf16).
//
// Only sync_warp and sync_block order the accesses of different threads, and a sync_block orders all of the block. So
// "when" is one number a warp (Warp::clock), and the last read is told exactly by one thread, one warp, or "several
// warps since the last sync_block": no vector clocks are needed.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace simt {

constexpr size_t kGrain = 2;
constexpr size_t first_grain(size_t offset) { return offset / kGrain; }
constexpr size_t end_grain(size_t offset, size_t bytes) { return (offset + bytes + kGrain - 1) / kGrain; }

enum class By : uint32_t {
  thread,  // `who` is a thread, `when` a clock of its warp
  warp,    // several lanes of the warp of `who`; `when` is the latest clock
  block,   // several warps; `when` counts the sync_blocks before
  atomic,  // as thread, an atomic write
  blocks,  // global memory only: several blocks of one launch
};

/// Who and when, in 32 bits; all zeros: nobody.
struct Epoch {
  uint32_t bits = 0;

  static constexpr uint32_t kMaxWhen = (1u << 19) - 1;
  static Epoch of(By by, int who, uint32_t when) {
    return {when << 13 | static_cast<uint32_t>(by) << 10 | static_cast<uint32_t>(who)};
  }
  bool none() const { return bits == 0; }
  By by() const { return static_cast<By>(bits >> 10 & 7); }
  int who() const { return static_cast<int>(bits & 1023); }
  uint32_t when() const { return bits >> 13; }
};

struct Access {
  Epoch epoch;
  uint32_t site = 0;  // low half of the return address
};

struct Cell {
  Access write, read;
};

/// A cell of global memory also knows the block; blocks are numbered over all launches.
struct GlobalCell {
  uint32_t write_block, read_block;
  Cell cell;
};

enum : uint8_t { kInitialised = 1, kCopyUnderWay = 2 };  // state of a grain

class SharedShadow {
 public:
  void reset(size_t bytes) {
    cells.assign((bytes + kGrain - 1) / kGrain, Cell{});
    state.assign(cells.size(), 0);
  }
  std::vector<Cell> cells;
  std::vector<uint8_t> state;
};

/// Of all device memory; grains are counted from its base. Pages come into being when they are touched.
class GlobalShadow {
 public:
  GlobalShadow();
  void set_initialised(size_t offset, size_t bytes);  // the host wrote there
  void set_uninitialised(size_t offset, size_t bytes);
  void copy(size_t to, size_t from, size_t bytes);  // the host copied
  void forget(size_t offset, size_t bytes);
  bool is_initialised(size_t offset, size_t bytes) const {
    for (size_t i = first_grain(offset); i < end_grain(offset, bytes); i++)
      if ((state[i] & kInitialised) == 0) return false;
    return true;
  }

  GlobalCell* cells;
  uint8_t* state;
  uint32_t blocks = 0;  // started so far
};

GlobalShadow& global_shadow();

/// Zero-filled address space; pages come into being when they are touched.
void* reserve_memory(size_t bytes);

}  // namespace simt
