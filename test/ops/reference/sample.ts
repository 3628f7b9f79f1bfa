import { philox, uniform } from './philox.js'

export interface Sampling {
  seed: readonly [number, number]
  temperature: number
  topK: number
  topP: number
}

const samplingStream = 3

/** The tokens that may be drawn, in the order in which the draw visits them, with their weights. */
export function candidates(logits: ArrayLike<number>, { temperature, topK, topP }: Sampling) {
  const z = Array.from(logits)
  const largest = z.reduce((a, b) => Math.max(a, b), -Infinity)
  const byId = z.map((value, id) => ({ id, p: Math.exp((value - largest) / temperature) }))
  if ((topK === 0 || topK >= z.length) && topP >= 1) return byId
  const ranked = byId.sort((a, b) => b.p - a.p || a.id - b.id).slice(0, topK === 0 ? z.length : topK)
  const mass = ranked.reduce((sum, { p }) => sum + p, 0)
  let kept = 0
  const last = ranked.findIndex(({ p }) => (kept += p) >= topP * mass)
  return ranked.slice(0, last + 1)
}

export function sample(logits: ArrayLike<number>, sampling: Sampling, counter: number): number {
  const z = Array.from(logits)
  if (sampling.temperature === 0) return z.indexOf(Math.max(...z))
  const choice = candidates(logits, sampling)
  const mass = choice.reduce((sum, { p }) => sum + p, 0)
  const target = uniform(philox(sampling.seed, samplingStream, counter)[0]!) * mass
  let sum = 0
  return choice.find(({ p }) => (sum += p) > target)!.id
}
