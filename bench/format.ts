export function time(seconds: number): string {
  if (seconds >= 1) return `${seconds.toFixed(2)} s`
  return seconds >= 1e-3 ? `${(seconds * 1e3).toFixed(2)} ms` : `${(seconds * 1e6).toFixed(1)} µs`
}

export const giga = (perSecond: number) => (perSecond / 1e9).toFixed(perSecond < 1e10 ? 2 : 1)

export const percent = (share: number) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`

export const mebi = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`

export const threadsText = (threads: number) => `${threads} thread${threads === 1 ? '' : 's'}`

/** `11.2 GB/s`, `54.0 M tokens/s`. */
export function speedText(amount: number, unit: 'B' | 'tokens', seconds: number): string {
  const perSecond = amount / seconds
  const [scale, prefix] = perSecond >= 1e9 ? [1e9, 'G'] : perSecond >= 1e6 ? [1e6, 'M'] : [1e3, 'k']
  const number = (perSecond / scale).toPrecision(3)
  return unit === 'B' ? `${number} ${prefix}B/s` : `${number} ${prefix} tokens/s`
}
