#!/usr/bin/env bash
# Builds the kernels for aarch64 and runs every op once under emulation, against the SSE4.2 kernels on the same data.
# Needs: apt install g++-aarch64-linux-gnu qemu-user. About a minute.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
sources=(test/native/every-op.cc native/core/{plan,pool}.cc native/cpu/{kernels,ceilings,host_region}.cc native/ops/*.cc)
flags=(-std=c++17 -O2 -Wall -Wextra -Werror -ffp-contract=fast -fno-math-errno -fno-trapping-math -Inative -pthread)
aarch64-linux-gnu-g++ "${flags[@]}" -DPT_CPU_LEVEL='"neon"' -static "${sources[@]}" -o "$out/neon"
g++ "${flags[@]}" -DPT_CPU_LEVEL='"x64-v2"' -msse4.2 "${sources[@]}" -o "$out/sse"
diff <("$out/sse") <(qemu-aarch64 "$out/neon") && echo 'aarch64 agrees with x86-64 on every op'
