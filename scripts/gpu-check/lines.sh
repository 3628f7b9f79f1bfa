# Sourced. Writes lines of gpu-check.jsonl where no TypeScript is at hand: see lines.ts.

milliseconds() { date +%s%3N; }

# line STEP NAME true|false [KEY VALUE]…    A value that looks like a number is written as one.
line() {
  local text
  text=$(printf '{"step":"%s","name":"%s","ok":%s' "$1" "$2" "$3")
  shift 3
  while [ $# -ge 2 ]; do
    if [[ $2 =~ ^-?[0-9]+(\.[0-9]+)?$ ]]; then text+=$(printf ',"%s":%s' "$1" "$2"); else text+=$(printf ',"%s":"%s"' "$1" "$(plain "$2")"); fi
    shift 2
  done
  text+=$(printf ',"device":"%s","date":"%s"}' "$(plain "$GPU_CHECK_DEVICE_NAME")" "$(date -u +%FT%TZ)")
  printf '%s\n' "$text" | tee -a "$GPU_CHECK_OUT/gpu-check.jsonl"
}

# Text without what JSON would need to escape.
plain() { printf '%s' "$1" | tr -s '\\"\n\r\t' "/'   " | tr -d '\000-\037' | cut -c 1-1000; }
