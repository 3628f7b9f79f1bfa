#!/usr/bin/env bash
# Fuzzes what native code takes from outside, under AddressSanitizer and UndefinedBehaviorSanitizer.
# usage: scripts/fuzz.sh [--seconds N] [--merge] [target …]     targets: tokenizer ops choices (default: all)
#   --seconds N   for each target (default 60)
#   --merge       afterwards keep what adds coverage in the committed corpus (test/fuzz/corpus)
# Needs clang with libFuzzer (Debian, Ubuntu: apt install clang libclang-rt-dev cmake); CXX names another clang++.
# A crash is kept in build/fuzz/crashes; it becomes a file of the corpus once it is repaired. Results go to stdout.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=60 merge=no targets=()
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) seconds=${2:?--seconds needs a number}; shift ;;
    --merge) merge=yes ;;
    tokenizer | ops | choices) targets+=("$1") ;;
    *) echo "unknown argument: $1 (usage: scripts/fuzz.sh [--seconds N] [--merge] [tokenizer|ops|choices …])" >&2; exit 2 ;;
  esac
  shift
done
[ ${#targets[@]} -gt 0 ] || targets=(tokenizer ops choices)

find_clang() {
  local name
  for name in "${CXX:-}" clang++ clang++-19 clang++-18 clang++-17 clang++-16 clang++-15 clang++-14; do
    if [ -n "$name" ] && command -v "$name" >/dev/null; then echo "$name"; return; fi
  done
  echo "clang++ was not found. Install it (apt install clang libclang-rt-dev), or name it: CXX=…" >&2
  exit 1
}
CXX=$(find_clang)
export CXX
symbolizer=$(dirname "$(readlink -f "$(command -v "$CXX")")")/llvm-symbolizer
[ -x "$symbolizer" ] && export ASAN_SYMBOLIZER_PATH=$symbolizer
export UBSAN_OPTIONS=print_stacktrace=1

build=build/fuzz
{
  cmake -S test/fuzz/native -B $build -DCMAKE_BUILD_TYPE=None
  cmake --build $build --target "${targets[@]/#/fuzz-}"
} >&2
mkdir -p $build/crashes

failed=0
for target in "${targets[@]}"; do
  corpus=test/fuzz/corpus/$target found=$build/found/$target log=$build/$target.log
  mkdir -p "$found"
  status=0
  $build/fuzz-"$target" -max_total_time="$seconds" -timeout=25 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix=$build/crashes/"$target"- "$found" "$corpus" 2>"$log" || status=$?
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  coverage=$(sed -n 's/.* cov: \([0-9]*\) ft: \([0-9]*\) .*/\1 edges, \2 features/p' "$log" | tail -1)
  echo "$target: ${executions:-?} executions in $seconds s, ${coverage:-no coverage}, $(ls "$corpus" | wc -l) files in the corpus"
  if [ $status -ne 0 ]; then
    failed=1
    echo "$target: FAILED, the report is in $log:" >&2
    grep -m 3 -E 'ERROR|runtime error|broken:|SUMMARY' "$log" >&2 || tail -5 "$log" >&2
  elif [ $merge = yes ]; then
    $build/fuzz-"$target" -merge=1 -use_counters=0 -max_total_time=120 "$corpus" "$found" 2>>"$log"
    echo "$target: now $(ls "$corpus" | wc -l) files in the corpus"
  fi
done
exit $failed
