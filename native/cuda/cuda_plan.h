// CudaPlan: what the backend keeps with a plan: the numbers of its commands for faults, and its graph once captured.
#pragma once
#include <vector>

#include "core/plan.h"
#include "cuda/runtime.h"

namespace pt::cuda {

struct CudaPlan final : Plan::Compiled {
  std::vector<int32_t> numbers;  // of each command, see FaultBox
  cudaGraphExec_t graph = nullptr;
  const void* workspace = nullptr;  // the one that the graph's kernels were given

  ~CudaPlan() override { drop_graph(); }
  void drop_graph() {
    if (graph) cudaGraphExecDestroy(graph);
    graph = nullptr;
  }
};

}  // namespace pt::cuda
