#!/usr/bin/env bash
# Prepares .gpu/ for a host that has a driver, but no Node and no network: Node itself, the bundled scripts and tests, the
# native build for sm_80 and sm_90, the conformance program with what the emulator says, and headers to build again there.
# Needs node_modules, nvcc and xz. .gpu/ stays out of git; bring it along with the sources.
set -euo pipefail
out=.gpu
command -v nvcc >/dev/null || { echo 'nvcc is needed: the kernels travel compiled' >&2; exit 2; }
mkdir -p "$out"
exclude=$(git rev-parse --git-path info/exclude)
mkdir -p "$(dirname "$exclude")"
grep -qxF '/.gpu/' "$exclude" 2>/dev/null || echo '/.gpu/' >>"$exclude"

node_binary=$(readlink -f "$(command -v node)")
if [ ! -f "$out/node.xz" ] || [ "$node_binary" -nt "$out/node.xz" ]; then
  echo 'packing Node (a minute or two) …'
  cp "$node_binary" "$out/node" && chmod u+w "$out/node"
  strip "$out/node" || true
  xz -T0 -6 -f "$out/node"
fi

echo 'building for sm_80 and sm_90 (some minutes) …'
build=build/pack # of its own: the working build keeps its settings
nice node scripts/build-native.mjs --out "$build" --CDPATCHTRAIN_CUDA=ON \
  --CDPATCHTRAIN_CUDA_ARCHITECTURES='80-real;90-real;80-virtual'
[ -x build/Release/simt-conformance ] || node scripts/build-simt.mjs
node_modules/.bin/tsup --config tsup.gpu-check.config.ts
rm -rf "$out/js" "$out/native" "$out/headers"
cp -r build/gpu-check "$out/js"
mkdir -p "$out/native" "$out/headers/node-api-headers"
cp "$build"/Release/patchtrain.node "$build"/Release/patchtrain-cuda.so "$build"/Release/patchtrain-cpu-*.so "$out/native/"
strip "$out"/native/*
cp -r node_modules/node-addon-api "$out/headers/"
cp -r node_modules/node-api-headers/{include,package.json} "$out/headers/node-api-headers/"
GPU_CHECK_OUT=$PWD/$out bash scripts/gpu-check/conformance.sh --pack

du -sh "$out"/* | sort -h
du -sh "$out"
