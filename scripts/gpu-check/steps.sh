#!/usr/bin/env bash
# steps.sh NAME: one step of gpu-check.sh, which sets the variables and the time limit. Fails when something is not in order.
set -uo pipefail
. scripts/gpu-check/lines.sh
dry_run=$GPU_CHECK_DRY_RUN out=$GPU_CHECK_OUT
python=${PYTHON:-python3}

main() {
  "$GPU_CHECK_NODE" "$GPU_CHECK_MAIN" "$@" --out "$out" --device "${device:-$GPU_CHECK_DEVICE}" \
    --device-name "$GPU_CHECK_DEVICE_NAME" ${dry_run:+--dry-run}
}

versions() {
  nvidia-smi >"$out/nvidia-smi.txt" 2>&1
  line versions host true kernel "$(uname -r)" cpus "$(nproc)" driver \
    "$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -n 1 || echo none)" \
    nvcc "$(nvcc --version 2>/dev/null | grep -o 'V[0-9.]*$' || echo none)" \
    torch "$($python -c 'import torch; print(torch.__version__)' 2>/dev/null || echo none)"
  # Tried beforehand, and not on the record: what was carried need not load here.
  if [ -n "$dry_run" ] || "$GPU_CHECK_NODE" "$GPU_CHECK_MAIN" probe --device cuda --out "$(mktemp -d)" >"$out/probe.txt"; then
    main versions
    return
  fi
  cat "$out/probe.txt"
  echo 'The native build does not work on this host; building it here …'
  bash scripts/gpu-check/build-on-host.sh >"$out/build.txt" 2>&1 || {
    tail -n 20 "$out/build.txt"
    return 1
  }
  main versions
}

calibration() {
  bash scripts/gpu-check/conformance.sh || return 1
  main calibration "$out/conformance.jsonl" "$out/conformance-golden.jsonl"
}

kernels() { main kernels ${dry_run:+rope grad_norm rms_norm}; }
repeatability() { main repeatability; }
training() { main training; }

# What the tools say goes into files; a tool that does not finish in its share is no failure. What it found is, whatever else it
# says (exit code 9 means the same); a tool that ended well need not have run the program at all.
findings='^========= \(Invalid\|Error: Race\|Warning: Race\|Barrier\|Uninitialized\)'
sanitizer() {
  if [ -n "$dry_run" ]; then # the emulator has a checker of its own
    device=cuda-emu:policy=pct,seed=5,check main every-op
    return
  fi
  command -v compute-sanitizer >/dev/null || {
    line sanitizer compute-sanitizer true skipped 'compute-sanitizer is not on the PATH'
    return
  }
  local tool code bad=0 log began ms
  for tool in memcheck racecheck synccheck initcheck; do
    log=$out/sanitizer-$tool.txt
    began=$(milliseconds)
    PATCHTRAIN_CUBLASLT=none timeout --kill-after=3 25 compute-sanitizer --tool $tool --report-api-errors no \
      --error-exitcode 9 "$GPU_CHECK_NODE" "$GPU_CHECK_MAIN" every-op --device cuda --out "$out" >"$log" 2>&1
    code=$?
    ms=$(($(milliseconds) - began))
    if [ $code -eq 9 ] || grep -q "$findings" "$log"; then
      line sanitizer $tool false ms $ms error "$({ grep "$findings" "$log" || grep '^=========' "$log"; } | head -n 4)"
      bad=1
    elif grep -q '^=.*\(not supported\|No attachable process\|terminated before\)' "$log"; then
      line sanitizer $tool true skipped "the tool does not run here: $(grep '^=========' "$log" | head -n 2)"
    elif [ $code -eq 124 ] || [ $code -eq 137 ]; then
      line sanitizer $tool true ms $ms skipped 'nothing found, but not finished in 25 s'
    elif [ $code -ne 0 ]; then
      line sanitizer $tool false ms $ms error "exit code $code: $(tail -n 2 "$log")"
      bad=1
    elif ! grep -q '^ran [1-9]' "$log"; then
      line sanitizer $tool true ms $ms skipped 'the tool ended without running the program'
    else
      line sanitizer $tool true ms $ms
    fi
  done
  return $bad
}

steps() { main steps --seconds $((GPU_CHECK_SECONDS - 25)); } # the last model begins with time left to end
ops() { main ops --seconds $((GPU_CHECK_SECONDS - 8)); }

peers() {
  $python -c 'import torch' 2>/dev/null || {
    line peers torch true skipped "there is no PyTorch here ($python)"
    return
  }
  main peer-rows >"$out/peer-rows.json" || return 1
  $python bench/peers/main.py --rows "$out/peer-rows.json" --out "$out/gpu-check.jsonl" \
    --device-name "$GPU_CHECK_DEVICE_NAME" --seconds $((GPU_CHECK_SECONDS - 20)) ${dry_run:+--cpu}
}

profile() {
  local ncu
  ncu=$(command -v ncu || ls -d /opt/nvidia/nsight-compute/*/ncu 2>/dev/null | tail -n 1)
  if [ -n "$dry_run" ] || [ -z "$ncu" ]; then
    line profile ncu true skipped 'there is no ncu here'
    return
  fi
  PATCHTRAIN_CUBLASLT=none "$ncu" --clock-control none --set full --kernel-name-base demangled --kernel-name 'regex:attention|gemm' --launch-count 6 \
    --csv --page details --log-file "$out/ncu.csv" \
    "$GPU_CHECK_NODE" "$GPU_CHECK_MAIN" one-op 'attention backward D128 T2048' '1.3b gate_up y' --device cuda >"$out/ncu.txt" 2>&1 ||
    line profile ncu true skipped "ncu does not run here: $(tail -n 2 "$out/ncu.txt")"
}

"$1"
