// Ceilings: what a device can do at most, measured in the same minutes as whatever is held against it.
#pragma once

namespace pt {

struct Ceilings {
  double flops_per_second;  // multiply and add counted apart; fp32 on the CPU, bf16 matrix products on CUDA
  double bytes_per_second;  // copying between buffers too large for any cache: bytes read plus bytes written
};

}  // namespace pt
