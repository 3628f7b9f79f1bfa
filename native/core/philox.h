// Philox4x32-10: a counter-based random number generator (Salmon et al., "Parallel Random Numbers: As Easy as
// 1, 2, 3", SC 2011). Draw i of a stream is a pure function of (seed, stream, i), so there is no state to save.
#pragma once
#include <cstdint>

#include "core/host_device.h"

namespace pt {

struct Philox {
  uint32_t key0, key1;
  uint32_t stream;  // what the numbers are for: keeps purposes apart under one seed

  struct Block {
    uint32_t v[4];
  };

  PT_HOST_DEVICE Block operator()(uint64_t index) const {
    uint32_t c0 = static_cast<uint32_t>(index), c1 = static_cast<uint32_t>(index >> 32), c2 = stream, c3 = 0;
    uint32_t k0 = key0, k1 = key1;
    for (int round = 0; round < 10; round++) {
      const uint64_t p0 = 0xD2511F53ull * c0, p1 = 0xCD9E8D57ull * c2;
      const uint32_t n0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
      const uint32_t n2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
      c1 = static_cast<uint32_t>(p1);
      c3 = static_cast<uint32_t>(p0);
      c0 = n0;
      c2 = n2;
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    return {{c0, c1, c2, c3}};
  }

  /// Uniform in (0, 1): the centre of one of 2^32 equal cells, so never 0 and never 1.
  PT_HOST_DEVICE static double uniform(uint32_t bits) { return (static_cast<double>(bits) + 0.5) * 0x1p-32; }
};

}  // namespace pt
