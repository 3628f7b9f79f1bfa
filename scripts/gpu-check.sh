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
# No step's failure stops the next. Exit 0: every step that must run did and is in order, and so is what ran besides;
# 1: something is not; 2: wrong arguments. No clocks or settings are touched.
set -uo pipefail
cd "$(dirname "$0")/.."

# name, seconds at most, whether it must run when it is asked for, what. Those that must prove correctness: they come first
# and together fit into the budget, so that no measurement takes their time.
steps=(
  'versions       120 must device, driver, toolkit, torch; builds where nothing was carried that loads'
  'calibration     45 must every wrapper of a device instruction against what the emulator takes it for'
  'kernels        150 must the kernel tests of the test suite'
  'repeatability   75 must equal inputs, equal bits: training and every op'
  'training        75 must losses against the CPU, resume, generation, lack of memory'
  'sanitizer      110 may  compute-sanitizer over every op'
  'steps          100 may  whole training steps: tokens/s, MFU, memory'
  'ops            150 may  every op at the sizes of the presets, against ceilings measured beside them'
  'peers          240 may  the same with PyTorch'
  'profile         60 may  two kernels under ncu'
)

list_steps() {
  printf '%s\n' "${steps[@]}" ''
  echo "The seconds are the most that a step takes of what is left of the budget of $budget s: not every step can use all of its own."
  echo 'A step that must run and finds no time left is a failure; one that may is left out.'
}

refuse() { echo "$1" >&2 && exit 2; }

whole_seconds() { [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || refuse "$1 takes whole seconds"; }

# Every name of --only is a step, and there is one.
check_names() {
  local names wanted name like
  names=$(printf '%s\n' "${steps[@]}" | cut -d ' ' -f 1)
  [[ $only == *[!,]* ]] || refuse "--only names no step"$'\n'"steps: ${names//$'\n'/ }"
  for wanted in ${only//,/ }; do
    like=''
    for name in $names; do
      [ "$name" != "$wanted" ] || continue 2
      [[ $name != "${wanted:0:2}"* ]] || like=", did you mean $name?"
    done
    refuse "no step '$wanted'$like"$'\n'"steps: ${names//$'\n'/ }"
  done
}

out=build/gpu-check-results budget=480 only='' each='' dry_run=''
while [ $# -gt 0 ]; do
  case $1 in
    --out) out=${2:?} && shift ;;
    --budget) whole_seconds "$@" && budget=$2 && shift ;;
    --only) only=${2:?} && check_names && shift ;;
    --seconds) whole_seconds "$@" && each=$2 && shift ;;
    --dry-run) dry_run=--dry-run ;;
    --pack) exec bash scripts/gpu-check/pack.sh ;;
    --list) list_steps && exit 0 ;;
    *) refuse "unknown argument $1; see the top of $0" ;;
  esac
  shift
done

mkdir -p "$out" && out=$(cd "$out" && pwd) || exit 2
rm -f "$out/gpu-check.jsonl"
export PATH="$PATH:/usr/local/cuda/bin" GPU_CHECK_OUT=$out GPU_CHECK_DRY_RUN=$dry_run
. scripts/gpu-check/prepare.sh
. scripts/gpu-check/lines.sh

# Whether a step left a line that says how something went; one that skipped all it had to do has not.
judged() { [ -n "$(grep "^{\"step\":\"$1\"" "$out/gpu-check.jsonl" 2>/dev/null | grep -v '"skipped":')" ]; }

failures=0
for row in "${steps[@]}"; do
  read -r name seconds duty what <<<"$row"
  [ -z "$only" ] || [[ ",$only," == *",$name,"* ]] || continue
  left=$((budget - SECONDS))
  seconds=${each:-$seconds}
  [ "$seconds" -le "$left" ] || seconds=$left
  printf '\n── %s: %s (at most %s s)\n' "$name" "$what" "$seconds"
  if [ "$seconds" -lt 5 ]; then
    reason="did not run: $seconds s are left of the budget of $budget s"
    if [ "$duty" = must ]; then
      line "$name" 'whole step' false error "$reason"
      failures=$((failures + 1))
    else
      line "$name" 'whole step' true skipped "$reason"
    fi
    continue
  fi
  began=$(milliseconds)
  GPU_CHECK_SECONDS=$seconds timeout --kill-after=5 "$seconds" bash scripts/gpu-check/steps.sh "$name"
  code=$?
  took=$(($(milliseconds) - began))
  [ $code -ne 0 ] || [ "$duty" = may ] || judged "$name" || code=nothing
  case $code in
    0) line "$name" 'whole step' true ms "$took" ;;
    nothing) line "$name" 'whole step' false ms "$took" error 'ended without judging anything' ;;
    124 | 137) line "$name" 'whole step' false ms "$took" error "not finished after $seconds s" ;;
    *) line "$name" 'whole step' false ms "$took" error "exit code $code" ;;
  esac
  [ "$code" = 0 ] || failures=$((failures + 1))
done

printf '\n'
"$GPU_CHECK_NODE" "$GPU_CHECK_MAIN" table --out "$out"
table=$? # not 0 as well when a line is not in order, or when there is none
printf '\n%s steps failed; %s s; every line: %s\n' "$failures" "$SECONDS" "$out/gpu-check.jsonl"
[ -n "$dry_run" ] || printf 'To keep it: cp %s bench/results/%s-DEVICE-gpu-check.jsonl && node scripts/performance-table.mjs\n' "$out/gpu-check.jsonl" "$(date +%F)"
[ "$failures" -eq 0 ] && [ $table -eq 0 ]
