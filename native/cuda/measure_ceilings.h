// What the device can do at most: a large copy and a large bf16 product through whatever library serves products.
#pragma once
#include "core/ceilings.h"
#include "cuda/launch.h"

namespace pt::cuda {
Status measure_ceilings(const Launch& launch, Ceilings& out);
}  // namespace pt::cuda
