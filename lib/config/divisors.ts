/** All divisors of n, ascending. */
export function divisors(n: number): number[] {
  const low: number[] = []
  const high: number[] = []
  for (let d = 1; d * d <= n; d++) {
    if (n % d !== 0) continue
    low.push(d)
    if (d * d !== n) high.unshift(n / d)
  }
  return [...low, ...high]
}
