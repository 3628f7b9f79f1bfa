// ldmatrix and mma. The layouts are those of the PTX manual; selftest/conformance.cu checks them against formulas, here
// and on a GPU.
#include "simt/checker.h"
#include "simt/collective.h"
#include "simt/shared_memory.h"
#include "simt/stats.h"

namespace simt {

static float bf16_to_float(uint32_t bits) {
  const uint32_t wide = bits << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

static uint32_t pair(uint16_t low, uint16_t high) { return low | static_cast<uint32_t>(high) << 16; }

void ldmatrix(uint32_t* registers, int matrices, uint32_t row, bool transposed) {
  struct Lane {
    uint32_t* registers;
    uint32_t row;
  } mine = {registers, row};
  const void* site = __builtin_return_address(0);
  for_the_warp(transposed ? "ldmatrix.trans" : "ldmatrix", mine, site, [=](Lane** lanes) {
    block->stats.ldmatrix++;
    const int first_lane = block->current().warp * kWarpSize;
    for (int m = 0; m < matrices; m++) {
      uint16_t element[8][8];
      uint32_t banks = 0;  // groups of four banks: 16 bytes wide, as a row is
      for (int i = 0; i < 8; i++) {
        const int lane = 8 * m + i;
        const uint32_t address = lanes[lane]->row;
        const unsigned char* from = block->shared->at(address, 16, 16, "ldmatrix");
        if (block->checker) block->checker->read_shared(block->thread(first_lane + lane), from, 16, site);
        std::memcpy(element[i], from, 16);
        banks |= 1u << (address / 16 % 8);
      }
      if (banks != 0xff) block->stats.ldmatrix_conflicts++;
      for (int l = 0; l < kWarpSize; l++) {
        const int i = l / 4, j = 2 * (l % 4);
        lanes[l]->registers[m] =
            transposed ? pair(element[j][i], element[j + 1][i]) : pair(element[i][j], element[i][j + 1]);
      }
    }
  });
}

void mma_16x8x16_bf16(float* d, const uint32_t* a, uint32_t b0, uint32_t b1) {
  struct Lane {
    float* d;
    const uint32_t* a;
    uint32_t b[2];
  } mine = {d, a, {b0, b1}};
  for_the_warp("mma", mine, __builtin_return_address(0), [](Lane** lanes) {
    block->stats.mma++;
    float A[16][16], B[16][8];  // [row][k], [k][column]
    for (int l = 0; l < kWarpSize; l++) {
      const int g = l / 4, t = l % 4;
      for (int q = 0; q < 4; q++) {
        float* two = &A[g + 8 * (q % 2)][2 * t + 8 * (q / 2)];
        two[0] = bf16_to_float(lanes[l]->a[q] & 0xffff);
        two[1] = bf16_to_float(lanes[l]->a[q] >> 16);
      }
      for (int q = 0; q < 2; q++) {
        B[2 * t + 8 * q][g] = bf16_to_float(lanes[l]->b[q] & 0xffff);
        B[2 * t + 8 * q + 1][g] = bf16_to_float(lanes[l]->b[q] >> 16);
      }
    }
    // The hardware's own order and rounding are not documented; a sum in float is as good a neighbour as any.
    float sum[16][8] = {};
    for (int i = 0; i < 16; i++)
      for (int k = 0; k < 16; k++)
        for (int j = 0; j < 8; j++) sum[i][j] += A[i][k] * B[k][j];
    for (int l = 0; l < kWarpSize; l++)
      for (int i = 0; i < 4; i++) lanes[l]->d[i] += sum[l / 4 + 8 * (i / 2)][2 * (l % 4) + i % 2];
  });
}

}  // namespace simt
