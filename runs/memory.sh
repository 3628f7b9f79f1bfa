#!/usr/bin/env bash
# Peak resident memory of a run against what `plan` predicted for it; a minute.
# usage: runs/memory.sh CONFIG.yaml [flags of train …]      (no flag may name `out`)
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
predicted=$(node dist/cli.js plan "$@" --out "$out/run" --json --quiet | node -p 'JSON.parse(require("fs").readFileSync(0)).memoryBytes')
node dist/cli.js train "$@" --out "$out/run" --quiet &
pid=$!
peak=0
while rss=$(awk '/VmHWM/ {print $2 * 1024}' "/proc/$pid/status" 2>/dev/null) && [ -n "$rss" ]; do
  peak=$rss
  sleep 0.2
done
wait "$pid"
awk -v p="$predicted" -v m="$peak" 'BEGIN { printf "predicted %.1f MB, peak %.1f MB, off by %.1f %%\n", p / 1e6, m / 1e6, 100 * (m - p) / p }'
