#include "ops/rms_norm.h"

#include <algorithm>
#include <cmath>

#include "cpu/kernels.h"
#include "cpu/simd.h"

namespace pt::cpu {
using namespace simd;

constexpr int64_t kRowsPerTask = 16;
constexpr int64_t kColumnsPerTask = 512;  // of the last step of dweight

/// body(offset, read, write) for each vector of a row of n: read and write are whole loads and stores, and partial
/// ones for what is left at the end.
template <class Body>
static inline void each_vector(int64_t n, const Body& body) {
  int64_t j = 0;
  for (; j + kLanes <= n; j += kLanes)
    body(
        j, [](const float* p) { return load(p); }, [](float* p, F v) { store(p, v); });
  if (const int64_t rest = n - j)
    body(
        j, [rest](const float* p) { return load_first(p, rest); }, [rest](float* p, F v) { store_first(p, v, rest); });
}

Status rms_norm(const Command& c, const Launch& launch) {
  namespace op = pt::rms_norm;
  const float* x = c.f32(op::x);            // [R, C]
  const float* delta = c.f32(op::delta);    // [R, C] or null
  const float* weight = c.f32(op::weight);  // [C]
  float* sum = c.f32(op::sum);              // [R, C] or null
  float* y = c.f32(op::y);                  // [R, C]
  float* rstd = c.f32(op::rstd);            // [R]
  const int64_t R = c.dim(op::x, 0), C = c.dim(op::x, 1);
  const double eps = c.params[op::eps];
  parallel_blocks(launch.workers, R, kRowsPerTask, [=](int64_t begin, int64_t end, int) {
    for (int64_t r = begin; r < end; r++) {
      F squares = {};
      if (delta) {
        each_vector(C, [&](int64_t j, auto read, auto write) {
          const F s = read(x + r * C + j) + read(delta + r * C + j);
          write(sum + r * C + j, s);
          squares += s * s;
        });
      } else {
        each_vector(C, [&](int64_t j, auto read, auto) {
          const F s = read(x + r * C + j);
          squares += s * s;
        });
      }
      const double mean = static_cast<double>(simd::sum(squares)) / static_cast<double>(C);
      const float scale = rstd[r] = static_cast<float>(1 / std::sqrt(mean + eps));
      const float* s = delta ? sum : x;
      each_vector(C, [&](int64_t j, auto read, auto write) {
        write(y + r * C + j, read(s + r * C + j) * scale * read(weight + j));
      });
    }
  });
  return Status::success();
}

Status rms_norm_backward(const Command& c, const Launch& launch) {
  namespace op = pt::rms_norm_backward;
  const float* dy = c.f32(op::dy);          // [R, C]
  const float* x = c.f32(op::x);            // [R, C]
  const float* weight = c.f32(op::weight);  // [C]
  const float* rstd = c.f32(op::rstd);      // [R]
  float* dx = c.f32(op::dx);                // [R, C]
  float* dweight = c.f32(op::dweight);      // [C]
  const int64_t R = c.dim(op::dy, 0), C = c.dim(op::dy, 1);
  const bool accumulate_dx = c.flag(op::accumulate_dx), accumulate_dweight = c.flag(op::accumulate_dweight);
  float* partials = static_cast<float*>(launch.workspace);  // [⌈R/64⌉, C]

  parallel_blocks(launch.workers, R, op::kRowsPerPartial, [=](int64_t begin, int64_t end, int) {
    float* partial = partials + begin / op::kRowsPerPartial * C;
    std::fill(partial, partial + C, 0.0f);
    for (int64_t r = begin; r < end; r++) {
      const float *g = dy + r * C, *s = x + r * C, scale = rstd[r];
      float* out = dx + r * C;
      F dot = {};  // Σ weight·dy·s
      each_vector(C, [&](int64_t j, auto read, auto write) {
        const F gs = read(g + j) * read(s + j);
        dot += gs * read(weight + j);
        write(partial + j, read(partial + j) + gs * scale);
      });
      const float pull = sum(dot) / static_cast<float>(C) * scale * scale * scale;
      if (accumulate_dx) {
        each_vector(C, [&](int64_t j, auto read, auto write) {
          write(out + j, read(out + j) + (read(g + j) * read(weight + j) * scale - read(s + j) * pull));
        });
      } else {
        each_vector(C, [&](int64_t j, auto read, auto write) {
          write(out + j, read(g + j) * read(weight + j) * scale - read(s + j) * pull);
        });
      }
    }
  });

  const int64_t count = (R + op::kRowsPerPartial - 1) / op::kRowsPerPartial;
  parallel_blocks(launch.workers, C, kColumnsPerTask, [=](int64_t begin, int64_t end, int) {
    if (!accumulate_dweight) std::fill(dweight + begin, dweight + end, 0.0f);
    for (int64_t p = 0; p < count; p++)
      for (int64_t j = begin; j < end; j++) dweight[j] += partials[p * C + j];
  });
  return Status::success();
}

}  // namespace pt::cpu
