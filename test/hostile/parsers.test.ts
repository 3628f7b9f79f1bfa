import { rmSync, writeFileSync } from 'node:fs'
import fc from '../helpers/property.js'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../helpers/temporary-folder.js'
import { expectSafe, openFiles, peakAddressSpace } from './expect-safe.js'
import { anyBytes, mutated } from './mutations.js'
import { parsers } from './parsers.js'

/*
 * Every file that may come from elsewhere, with anything at all in it: it is read, or refused with an error meant for
 * the user. No other error, no file left open, no memory that the size of the file does not justify.
 */

/** A line that is neither UTF-8, JSON nor any of our formats: proof that `read` looks at what it is given. */
const refusedByAll = Buffer.from([0xff, 0x0a])

/** A file of a few kilobytes needs nothing like it; a length that was believed would. */
const mostMemory = 1024

describe.each(parsers.map((parser) => [parser.name, parser] as const))('%s', (_, parser) => {
  test('as it is made is read', async () => {
    const file = await parser.make(temporaryFolder())
    expect(await expectSafe(() => parser.read(file))).toBe(undefined)
  })

  test.each(['any bytes', 'a valid file with changes'] as const)('%s are read or refused', async (kind) => {
    const file = await parser.make(temporaryFolder())
    const valid = readFileSync(file)
    await expectSafe(() => parser.read(file))
    const [open, memory] = [openFiles(), peakAddressSpace()]
    let refused = 0
    await fc.assert(
      fc.asyncProperty(kind === 'any bytes' ? anyBytes : mutated(valid), async (bytes) => {
        rmSync(file, { force: true })
        writeFileSync(file, bytes)
        if (await expectSafe(() => parser.read(file))) refused++
      }),
      { numRuns: kind === 'any bytes' ? 100 : 400, examples: [[refusedByAll]] },
    )
    expect(refused).toBeGreaterThan(0)
    expect(openFiles()).toEqual(open)
    expect(peakAddressSpace() - memory).toBeLessThan(mostMemory)
  })
})
