/** Numbers and times as people read them. Plain ASCII apart from the multiplication sign, fixed to the English locale. */

const prefixes = ['', 'k', 'M', 'G', 'T', 'P', 'E', 'Z'] as const

/** Three significant digits with an SI prefix: 1234567 → `1.23M`. For counts of tokens and parameters `B` replaces `G`. */
export function si(value: number, giga: 'G' | 'B' = 'G'): string {
  if (!Number.isFinite(value)) return String(value)
  const { scaled, prefix } = siParts(value)
  return `${trimmed(scaled)}${prefix === 'G' ? giga : prefix}`
}

/** The same with a unit: 1.28e11 `FLOP/s` → `128 GFLOP/s`. */
export function siUnit(value: number, unit: string): string {
  const { scaled, prefix } = siParts(value)
  return `${trimmed(scaled)} ${prefix}${unit}`
}

/** The largest SI prefix that leaves at least 1 before the point, and the value in that unit. */
export function siParts(value: number): { scaled: number; prefix: (typeof prefixes)[number]; unit: number } {
  let exponent = 0
  let scaled = value
  // 999.5 would print as 1000 with three digits; the next prefix is meant.
  while (Math.abs(scaled) >= 999.5 && exponent < prefixes.length - 1) {
    scaled /= 1000
    exponent++
  }
  return { scaled, prefix: prefixes[exponent]!, unit: 1000 ** exponent }
}

function trimmed(value: number): string {
  return String(Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3)))
}

/** 1234567 → `1,234,567`. */
export function grouped(value: number): string {
  return value.toLocaleString('en-US')
}

const binaryUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** 1536 → `1.5 KiB`. */
export function bytes(value: number): string {
  let exponent = 0
  let scaled = value
  while (Math.abs(scaled) >= 1023.5 && exponent < binaryUnits.length - 1) {
    scaled /= 1024
    exponent++
  }
  return `${trimmed(scaled)} ${binaryUnits[exponent]!}`
}

/** Two units at most: `3d 4h`, `1h 02m`, `4m 05s`, `12s`, `0.4s`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '–'
  if (seconds < 9.95) return `${seconds.toFixed(1)}s`
  const s = Math.round(seconds)
  const two = (n: number) => String(n).padStart(2, '0')
  if (s < 60) return `${s}s`
  if (s < 3600) return `${Math.floor(s / 60)}m ${two(s % 60)}s`
  if (s < 86_400) return `${Math.floor(s / 3600)}h ${two(Math.floor((s % 3600) / 60))}m`
  return `${Math.floor(s / 86_400)}d ${Math.floor((s % 86_400) / 3600)}h`
}

/** 0.0123456 → `12.3 ms`: three digits, and no finer than a microsecond. */
export function milliseconds(seconds: number): string {
  const scaled = 1e3 * seconds
  if (scaled > 0 && scaled < 0.0005) return '<0.001 ms'
  const shown = scaled < 999.5 ? Number(Number(scaled.toPrecision(3)).toFixed(3)) : Math.round(scaled)
  return `${grouped(shown)} ms`
}

/** A loss: four decimals while it is small enough for them to mean something. */
export function loss(value: number): string {
  return Number.isFinite(value) ? value.toFixed(value < 100 ? 4 : 1) : String(value)
}

/** A learning rate or norm: three digits, with an exponent where it is short. */
export function compact(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value)
  return Math.abs(value) >= 0.01 && Math.abs(value) < 1000 ? value.toPrecision(3) : value.toExponential(2)
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`
}
