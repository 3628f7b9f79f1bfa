#include "ops/elementwise.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/philox.h"
#include "cpu/bf16.h"
#include "cpu/kernels.h"

namespace pt::cpu {

constexpr int64_t kBlock = 1 << 15;  // elements a task; a multiple of Philox's four

Status fill(const Command& c, const Launch& launch) {
  namespace op = pt::fill;
  float* y = c.f32(op::y);
  const float value = c.real(op::value);
  parallel_blocks(launch.workers, c.tensor(op::y).size(), kBlock,
                  [=](int64_t begin, int64_t end, int) { std::fill(y + begin, y + end, value); });
  return Status::success();
}

Status fill_normal(const Command& c, const Launch& launch) {
  namespace op = pt::fill_normal;
  float* y = c.f32(op::y);
  const double std = c.params[op::std];
  const Philox random{static_cast<uint32_t>(c.integer(op::seed_low)), static_cast<uint32_t>(c.integer(op::seed_high)),
                      static_cast<uint32_t>(c.integer(op::stream))};
  constexpr double kTwoPi = 6.283185307179586;
  parallel_blocks(launch.workers, c.tensor(op::y).size(), kBlock, [=](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; i += 4) {
      const Philox::Block draw = random(static_cast<uint64_t>(i / 4));
      float normal[4];
      for (int pair = 0; pair < 4; pair += 2) {
        const double radius = std * std::sqrt(-2 * std::log(Philox::uniform(draw.v[pair])));
        const double angle = kTwoPi * Philox::uniform(draw.v[pair + 1]);
        normal[pair] = static_cast<float>(radius * std::cos(angle));
        normal[pair + 1] = static_cast<float>(radius * std::sin(angle));
      }
      std::copy_n(normal, std::min<int64_t>(4, end - i), y + i);
    }
  });
  return Status::success();
}

Status copy(const Command& c, const Launch& launch) {
  namespace op = pt::copy;
  const float* x = c.f32(op::x);
  float* y = c.f32(op::y);
  parallel_blocks(launch.workers, c.tensor(op::y).size(), kBlock, [=](int64_t begin, int64_t end, int) {
    std::memcpy(y + begin, x + begin, static_cast<size_t>(end - begin) * sizeof(float));
  });
  return Status::success();
}

Status add(const Command& c, const Launch& launch) {
  namespace op = pt::add;
  const float* __restrict x = c.f32(op::x);
  float* __restrict y = c.f32(op::y);
  parallel_blocks(launch.workers, c.tensor(op::y).size(), kBlock, [=](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; i++) y[i] += x[i];
  });
  return Status::success();
}

Status convert(const Command& c, const Launch& launch) {
  namespace op = pt::convert;
  const float* __restrict x = c.f32(op::x);
  uint16_t* __restrict y = c.bf16(op::y);
  parallel_blocks(launch.workers, c.tensor(op::y).size(), kBlock, [=](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; i++) y[i] = to_bf16(x[i]);
  });
  return Status::success();
}

}  // namespace pt::cpu
