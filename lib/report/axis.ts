/** A linear axis: data in `domain` is laid into `range`, picture coordinates. */
export interface Axis {
  readonly domain: readonly [number, number]
  readonly ticks: readonly number[]
  at(value: number): number
}

/**
 * @param wanted about how many ticks; the steps between them are 1, 2 or 5 times a power of ten
 * @param widen  extends the domain outward to whole ticks
 */
export function linearAxis(
  domain: readonly [number, number],
  range: readonly [number, number],
  wanted: number,
  widen: boolean,
): Axis {
  let [low, high] = domain
  if (!(high > low)) high = low + (Math.abs(low) || 1)
  const step = niceStep((high - low) / wanted)
  if (widen) {
    low = Math.floor(low / step) * step
    high = Math.ceil(high / step) * step
  }
  const first = Math.ceil(low / step - 1e-9)
  const last = Math.floor(high / step + 1e-9)
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step)
  const [from, to] = range
  return { domain: [low, high], ticks, at: (value) => from + ((value - low) / (high - low)) * (to - from) }
}

function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough))
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= rough * (1 - 1e-9))!
  return factor * power
}

/** Tick labels with just as many decimals as tell them apart. */
export function tickLabels(ticks: readonly number[], unit: number): string[] {
  const step = ticks.length > 1 ? (ticks[1]! - ticks[0]!) / unit : ticks[0]! / unit || 1
  const decimals = Math.max(0, -Math.floor(Math.log10(Math.abs(step)) + 1e-9))
  return ticks.map((tick) => (tick / unit).toFixed(Math.min(decimals, 12)))
}
