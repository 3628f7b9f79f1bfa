// The barrier of the block. Threads that have ended count as arrived, as on the device.
#pragma once
#include "simt/block.h"

namespace simt {

/// To be called when a thread ends: the others may have waited for nobody else.
void thread_ended(Block& b);

}  // namespace simt
