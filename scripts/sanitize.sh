#!/usr/bin/env bash
# Runs what is native under the compilers' sanitizers.
#   address   the tests of the addon, the ops and the tokenizer with the addon under AddressSanitizer and
#             UndefinedBehaviorSanitizer (build/asan)
#   thread    pool, queue, plan replay and bulk tokenizer from many threads under ThreadSanitizer (build/tsan)
# usage: scripts/sanitize.sh [address] [thread]     (default: both); a line for each part goes to stdout
# Needs what the build needs, and gcc's sanitizers (they come with it). CMAKE_BUILD_PARALLEL_LEVEL: compilers at once.
set -euo pipefail
cd "$(dirname "$0")/.."
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(address thread)
failed=0

report() { # part, status, started
  local verdict=ok
  [ "$2" -eq 0 ] || { verdict=FAILED; failed=1; }
  echo "$1: $verdict in $((SECONDS - $3)) s"
}

address() {
  npx cmake-js compile --out build/asan --CDPATCHTRAIN_SANITIZE=ON --CDPATCHTRAIN_CUDA=OFF >&2 || return 1
  # Node itself never gives back what it holds at its end; what we hold is test/native/leak.test.ts's question.
  # The tests that count allocations, terminate workers or measure memory would measure the sanitizer.
  # verify_asan_link_order: a test may start a program that is not sanitized.
  PATCHTRAIN_NATIVE_PATH=$PWD/build/asan/Release/patchtrain.node \
    ASAN_OPTIONS=detect_leaks=0:halt_on_error=1:verify_asan_link_order=0 \
    UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
    LD_PRELOAD="$(gcc -print-file-name=libasan.so):$(gcc -print-file-name=libubsan.so)" \
    npx vitest run --typecheck=false --testTimeout=600000 --exclude '**/{allocations,leak}.test.ts' \
    test/native test/ops test/fuzz test/data/tokenizer >&2
}

thread() {
  cmake -S test/native/concurrency -B build/tsan -DCMAKE_BUILD_TYPE=None >&2 || return 1
  cmake --build build/tsan >&2 || return 1
  TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1 build/tsan/concurrency build/tsan 20 >&2
}

for part in "${parts[@]}"; do
  case $part in
    address | thread) ;;
    *) echo "unknown part: $part (address, thread)" >&2; exit 2 ;;
  esac
  started=$SECONDS status=0
  "$part" || status=$?
  report "$part" "$status" "$started"
done
exit $failed
