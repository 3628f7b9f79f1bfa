#!/usr/bin/env bash
# Builds addon and kernels into the folder of PATCHTRAIN_NATIVE_PATH, for the GPU of this host alone: where what was carried
# does not load. Needs cmake, g++ and nvcc; Node's headers were carried.
set -euo pipefail
capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -n 1 | tr -d .)
headers=$PWD/.gpu/headers
[ -d "$headers" ] || headers=$PWD/node_modules
bin=$(mktemp -d) && ln -s "$GPU_CHECK_NODE" "$bin/node"
export PATH="$bin:$PATH" NODE_PATH=$headers
cmake -S . -B build/on-host -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_JS_INC="$headers/node-api-headers/include;$headers/node-addon-api" \
  -DCMAKE_LIBRARY_OUTPUT_DIRECTORY="$(dirname "$PATCHTRAIN_NATIVE_PATH")" \
  -DPATCHTRAIN_CUDA=ON -DPATCHTRAIN_CUDA_ARCHITECTURES="$capability-real"
cmake --build build/on-host --parallel "$(nproc)"
