import { describe, expect, it } from 'vitest'
import { ChatLoop, type ChatStreams } from '../../lib/cli/chat/loop.js'
import { unescaped } from '../../lib/cli/generation-flags.js'
import { terminalOf } from '../../lib/report/terminal.js'

/** A model that says each question back, letter by letter, and waits for `go` before each of them. */
function parrot(go: () => Promise<void> | void = () => undefined) {
  return {
    async *answer(user: string, signal?: AbortSignal) {
      for (const letter of user) {
        await go()
        signal?.throwIfAborted()
        yield letter
      }
      return { reason: 'end' as const, tokens: user.length }
    },
  }
}

function chatOf(lines: string[], model = parrot()) {
  const seen = { out: '', asked: 0, closed: false }
  async function* typed() {
    for (const line of lines) if (!seen.closed) yield await Promise.resolve(line)
  }
  const streams: ChatStreams = {
    lines: typed(),
    stdout: { write: (text: string | Uint8Array) => ((seen.out += String(text)), true) },
    terminal: terminalOf({ write: () => true }, {}),
    ask: () => void seen.asked++,
    close: () => void (seen.closed = true),
  }
  return { seen, loop: new ChatLoop(model, streams) }
}

describe('chat', () => {
  it('answers line by line, and leaves empty ones alone', async () => {
    const { seen, loop } = chatOf(['one', '  ', 'two'])
    expect(await loop.run()).toBe(0)
    expect(seen).toMatchObject({ out: 'one\ntwo\n', asked: 4 })
  })

  it('stops the answer at an interrupt and goes on with the next line', async () => {
    let letters = 0
    const { seen, loop } = chatOf(
      ['one', 'two'],
      parrot(() => void (++letters === 3 && loop.interrupt())),
    )
    expect(await loop.run()).toBe(0)
    expect(seen.out).toBe('on\ntwo\n')
  })

  it('leaves at the second interrupt, and at one while nothing is written', async () => {
    let letters = 0
    const twice = () => {
      if (++letters < 3) return
      loop.interrupt()
      loop.interrupt()
    }
    const { seen, loop } = chatOf(['one', 'two'], parrot(twice))
    expect(await loop.run()).toBe(130)
    expect(seen).toMatchObject({ out: 'on\n', closed: true })

    const idle = chatOf(['one'])
    idle.loop.interrupt()
    expect(await idle.loop.run()).toBe(130)
    expect(idle.seen.out).toBe('')
  })

  it('tells of an error that is no interrupt', async () => {
    const fails = parrot(() => Promise.reject(new Error('broken')))
    await expect(chatOf(['one'], fails).loop.run()).rejects.toThrow('broken')
  })

  it('takes \\n, \\t and \\\\ in flags for what they mean', () => {
    expect(unescaped('a\\nb\\tc\\\\n')).toBe('a\nb\tc\\n')
  })
})
