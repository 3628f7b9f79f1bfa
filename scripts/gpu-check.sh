#!/usr/bin/env bash
# One command for rare minutes on a GPU: proves the CUDA kernels on a real device, then measures them and their peers.
#
#   bash scripts/gpu-check.sh                 on a host with a GPU: all steps, in order of importance, within 8 minutes
#   bash scripts/gpu-check.sh --dry-run       the same steps on the emulator with small sizes, to try the script itself
#   bash scripts/gpu-check.sh --pack          prepares .gpu/: all that a host without Node and network needs
#   bash scripts/gpu-check.sh --list          the steps
#
#   --out DIR         where gpu-check.jsonl and logs go (default: build/gpu-check-results)
#   --budget SECONDS  for all steps together (default: 480)
#   --only a,b        these steps alone
#   --seconds N       for each step, instead of the table's
#
# No step's failure stops the next. Exit 0: every step that ran is in order. No clocks or settings are touched.
set -uo pipefail
cd "$(dirname "$0")/.."

# name, seconds at most, what
steps=(
  'versions       120 device, driver, toolkit, torch; builds where nothing was carried that loads'
  'calibration     45 every wrapper of a device instruction against what the emulator takes it for'
  'kernels        150 the kernel tests of the test suite'
  'repeatability   75 equal inputs, equal bits: training and every op'
  'training        75 losses against the CPU, resume, generation, lack of memory'
  'sanitizer      110 compute-sanitizer over every op'
  'steps          100 whole training steps: tokens/s, MFU, memory'
  'ops            150 every op at the sizes of the presets, against ceilings measured beside them'
  'peers          240 the same with PyTorch'
  'profile         60 two kernels under ncu'
)

out=build/gpu-check-results budget=480 only='' each='' dry_run=''
while [ $# -gt 0 ]; do
  case $1 in
    --out) out=${2:?} && shift ;;
    --budget) budget=${2:?} && shift ;;
    --only) only=${2:?} && shift ;;
    --seconds) each=${2:?} && shift ;;
    --dry-run) dry_run=--dry-run ;;
    --pack) exec bash scripts/gpu-check/pack.sh ;;
    --list) printf '%s\n' "${steps[@]}" && exit 0 ;;
    *) echo "unknown argument $1; see the top of $0" >&2 && exit 2 ;;
  esac
  shift
done

mkdir -p "$out" && out=$(cd "$out" && pwd) || exit 2
rm -f "$out/gpu-check.jsonl"
export PATH="$PATH:/usr/local/cuda/bin" GPU_CHECK_OUT=$out GPU_CHECK_DRY_RUN=$dry_run
. scripts/gpu-check/prepare.sh
. scripts/gpu-check/lines.sh

failures=0
for row in "${steps[@]}"; do
  read -r name seconds what <<<"$row"
  [ -z "$only" ] || [[ ",$only," == *",$name,"* ]] || continue
  left=$((budget - SECONDS))
  seconds=${each:-$seconds}
  [ "$seconds" -le "$left" ] || seconds=$left
  printf '\n── %s: %s (at most %s s)\n' "$name" "$what" "$seconds"
  if [ "$seconds" -lt 5 ]; then
    line "$name" 'whole step' true skipped "out of time: the budget is $budget s"
    continue
  fi
  began=$(milliseconds)
  GPU_CHECK_SECONDS=$seconds timeout --kill-after=5 "$seconds" bash scripts/gpu-check/steps.sh "$name"
  code=$?
  took=$(($(milliseconds) - began))
  case $code in
    0) line "$name" 'whole step' true ms "$took" ;;
    124 | 137) line "$name" 'whole step' false ms "$took" error "not finished after $seconds s" ;;
    *) line "$name" 'whole step' false ms "$took" error "exit code $code" ;;
  esac
  [ $code -eq 0 ] || failures=$((failures + 1))
done

printf '\n'
"$GPU_CHECK_NODE" "$GPU_CHECK_MAIN" table --out "$out"
printf '\n%s steps failed; %s s; every line: %s\n' "$failures" "$SECONDS" "$out/gpu-check.jsonl"
[ -n "$dry_run" ] || printf 'To keep it: cp %s bench/results/%s-DEVICE-gpu-check.jsonl && node scripts/performance-table.mjs\n' "$out/gpu-check.jsonl" "$(date +%F)"
[ "$failures" -eq 0 ]
