# Sourced by gpu-check.sh. Finds Node, the bundled scripts and the native build, and says so in GPU_CHECK_* variables:
# what was carried in .gpu/ where there is no Node or no node_modules, else what is built here.

unxz_to_stdout() { # not every host has xz
  if command -v xz >/dev/null; then xz -dc "$1"; else python3 -c 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.argv[1]), sys.stdout.buffer)' "$1"; fi
}

if [ -d .gpu ] && { ! command -v node >/dev/null || [ ! -d node_modules ]; }; then
  GPU_CHECK_NODE=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/patchtrain-gpu-check/node
  if [ ! -x "$GPU_CHECK_NODE" ]; then
    mkdir -p "$(dirname "$GPU_CHECK_NODE")"
    unxz_to_stdout .gpu/node.xz >"$GPU_CHECK_NODE" && chmod +x "$GPU_CHECK_NODE"
  fi
  GPU_CHECK_MAIN=$PWD/.gpu/js/scripts/gpu-check/main.js
  PATCHTRAIN_NATIVE_PATH=$PWD/.gpu/native/patchtrain.node
else
  command -v node >/dev/null || {
    echo 'There is no Node.js here. On a machine that has it: bash scripts/gpu-check.sh --pack, then bring .gpu/ along.' >&2
    exit 2
  }
  GPU_CHECK_NODE=$(command -v node)
  GPU_CHECK_MAIN=$PWD/build/gpu-check/scripts/gpu-check/main.js
  PATCHTRAIN_NATIVE_PATH=$PWD/build/Release/patchtrain.node
  node_modules/.bin/tsup --config tsup.gpu-check.config.ts || exit 2
fi

if [ -n "$GPU_CHECK_DRY_RUN" ]; then
  GPU_CHECK_DEVICE=cuda-emu:policy=sequential
  GPU_CHECK_DEVICE_NAME=emulator
else
  GPU_CHECK_DEVICE=cuda
  GPU_CHECK_DEVICE_NAME=$(nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | head -n 1)
  GPU_CHECK_DEVICE_NAME=${GPU_CHECK_DEVICE_NAME:-unknown}
fi
export GPU_CHECK_NODE GPU_CHECK_MAIN GPU_CHECK_DEVICE GPU_CHECK_DEVICE_NAME PATCHTRAIN_NATIVE_PATH
