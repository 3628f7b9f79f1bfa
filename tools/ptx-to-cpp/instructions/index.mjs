// opcode → emitter: a function from a Statement to a C++ statement.
import { arithmetic } from './arithmetic.mjs'
import { bits } from './bits.mjs'
import { compare } from './compare.mjs'
import { control } from './control.mjs'
import { convert } from './convert.mjs'
import { memory } from './memory.mjs'
import { warp } from './warp.mjs'

export const emitters = new Map(
  Object.entries({ ...arithmetic, ...bits, ...compare, ...convert, ...memory, ...control, ...warp }),
)
