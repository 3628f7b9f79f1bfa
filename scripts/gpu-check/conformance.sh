#!/usr/bin/env bash
# Runs the conformance program (native/simt/selftest) on the device into GPU_CHECK_OUT/conformance.jsonl, and puts what the
# emulator says of it beside, as conformance-golden.jsonl. With --pack: what a host without a compiler needs for that.
set -euo pipefail
out=$GPU_CHECK_OUT
emulated=build/Release/simt-conformance

compile() {
  nvcc -std=c++17 -O3 -Wno-deprecated-gpu-targets -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=sm_90 \
    -gencode arch=compute_80,code=compute_80 -I native -o "$1" native/simt/selftest/conformance*.cu
}

if [ "${1:-}" = --pack ]; then
  compile "$out/conformance"
  "$emulated" >"$out/conformance-golden.jsonl"
  exit
fi

if [ -x "$emulated" ]; then
  "$emulated" >"$out/conformance-golden.jsonl" || true # its own lines say what is wrong
elif [ -f .gpu/conformance-golden.jsonl ]; then
  cp .gpu/conformance-golden.jsonl "$out/"
else
  echo 'There is no golden file and no emulator: npm run build:simt, or bring .gpu/ along.' >&2
  exit 1
fi

if [ -n "$GPU_CHECK_DRY_RUN" ]; then
  program=("$emulated" 'check policy=pct seed=3')
elif [ -x .gpu/conformance ]; then
  program=(.gpu/conformance)
else
  compile build/conformance
  program=(build/conformance)
fi
"${program[@]}" >"$out/conformance.jsonl" || true
