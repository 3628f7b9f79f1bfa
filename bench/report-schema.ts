import { z } from 'zod'

// What a comparison and a page rely on. Fields that only tell something to people are left to be what they are.
const count = z.int().positive()
const positive = z.number().positive()
const rounds = z.array(z.array(positive).min(1)).min(1)
const speeds = z.looseObject({
  flopsPerSecond: positive,
  bytesPerSecond: positive,
  gemmFlopsPerSecond: positive,
})

export const reportSchema = z.looseObject({
  machine: z.looseObject({ cpu: z.string(), cores: count }),
  level: z.string(),
  others: z.array(z.number().min(0).max(1)),
  ceilings: z.array(z.looseObject({ threads: count, rounds: z.array(speeds).min(1) })).min(1),
  rows: z.array(
    z.looseObject({
      group: z.enum(['ops', 'step', 'around']),
      name: z.string(),
      sizes: z.string(),
      threads: count.nullable(),
      follows: z.enum(['compute', 'memory', 'disk']),
      rounds,
    }),
  ),
  skipped: z.array(z.looseObject({ name: z.string(), reason: z.string() })),
})
