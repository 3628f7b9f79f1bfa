// Tells the checker what a command may touch: its tensors, the workspace, the fault. So an access outside its tensor
// is found although a region holds many, as is a read of what the op's contract says it only writes.
#pragma once
#include "core/op.h"
#include "cuda/launch.h"

namespace pt::cuda {

inline void allow_only(const Command& command, const Launch& launch, size_t workspace_bytes) {
  simt::Span spans[kMaxTensors + 2];
  int count = 0;
  for (int i = 0; i < command.op->tensor_count; i++) {
    const Access access = command.op->tensors[i].access;
    if (command.has(i))
      spans[count++] = {command.tensor(i).data, static_cast<size_t>(command.tensor(i).bytes()), access != Access::write,
                        access != Access::read};
  }
  if (workspace_bytes > 0) spans[count++] = {launch.workspace, workspace_bytes, false, true};
  spans[count++] = {launch.fault.fault, sizeof(Fault), true, true};
  simt::allow(launch.stream, spans, count);
}

}  // namespace pt::cuda
