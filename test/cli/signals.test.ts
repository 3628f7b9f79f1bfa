import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { stdoutGone, untilStopped, type SignalSource, type StopSignal } from '../../lib/cli/signals.js'

class FakeProcess extends EventEmitter implements SignalSource {
  readonly exits: number[] = []
  exit(code: number): void {
    this.exits.push(code)
  }
}

const stops = [
  ['SIGINT', 130, 130],
  ['SIGTERM', 143, 143],
  ['SIGHUP', 129, 129],
  ['SIGUSR2', 75, 1],
] as const

/** Sends `first`, and `second` so many milliseconds later; gives what the process was told to exit with. */
async function twice(first: string, second: string, milliseconds: number) {
  const source = new FakeProcess()
  const told: string[] = []
  let time = 1000
  const work = (signal: AbortSignal) => {
    source.emit(first)
    expect(signal.aborted).toBe(true)
    time += milliseconds
    source.emit(second)
    return Promise.resolve('saved')
  }
  const signals: StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2', 'SIGPIPE']
  const outcome = await untilStopped(work, (name) => told.push(name), { source, signals, now: () => time })
  return { exits: source.exits, told, stoppedBy: outcome.stoppedBy }
}

describe('a stop signal', () => {
  it.each(stops)('%s lets the work finish, and gives exit code %i', async (name, code) => {
    const source = new FakeProcess()
    const work = (signal: AbortSignal) => {
      source.emit(name)
      expect(signal.aborted).toBe(true)
      return Promise.resolve('saved')
    }
    expect(await untilStopped(work, () => undefined, { source })).toEqual({
      value: 'saved',
      stoppedBy: name,
      stoppedWith: code,
    })
    expect(source.exits).toEqual([])
  })

  describe.each(stops)('%s as the second', (second, _, atOnce) => {
    it.each(stops)('after %s ends the process at once, with its own code', async (first) => {
      const { exits, told } = await twice(first, second, 500)
      expect(told).toEqual([first])
      expect(exits).toEqual([atOnce])
    })
  })

  it('that is sent to us and to our group (timeout, a scheduler) counts once; another one does not wait', async () => {
    expect((await twice('SIGINT', 'SIGINT', 499)).exits).toEqual([])
    expect((await twice('SIGINT', 'SIGTERM', 0)).exits).toEqual([143])
  })

  it('work that gives up when told to is stopped, not failed', async () => {
    const source = new FakeProcess()
    const work = (signal: AbortSignal): Promise<string> => {
      source.emit('SIGINT')
      signal.throwIfAborted()
      return Promise.resolve('never')
    }
    expect(await untilStopped(work, () => undefined, { source })).toEqual({
      value: undefined,
      stoppedBy: 'SIGINT',
      stoppedWith: 130,
    })
  })

  it('does not hide that saving failed, and no listener stays behind', async () => {
    const source = new FakeProcess()
    const work = () => {
      source.emit('SIGTERM')
      return Promise.reject(new Error('disk'))
    }
    await expect(untilStopped(work, () => undefined, { source })).rejects.toThrow('disk')
    expect(source.eventNames()).toEqual([])
  })
})

describe('an stdout that nobody reads', () => {
  it('stops work that listens for it, once', async () => {
    const { exits, told, stoppedBy } = await twice(stdoutGone, stdoutGone, 9999)
    expect({ exits, told, stoppedBy }).toEqual({ exits: [], told: ['SIGPIPE'], stoppedBy: 'SIGPIPE' })
  })

  it('is no second signal: Ctrl+C ends the reader of the pipe as well, before us or after', async () => {
    expect(await twice('SIGINT', stdoutGone, 9999)).toEqual({
      exits: [],
      told: ['SIGINT'],
      stoppedBy: 'SIGINT',
    })
    expect(await twice(stdoutGone, 'SIGINT', 9999)).toEqual({
      exits: [],
      told: ['SIGPIPE', 'SIGINT'],
      stoppedBy: 'SIGINT',
    })
  })

  it('is no concern of other work', async () => {
    const source = new FakeProcess()
    const work = () => Promise.resolve(source.emit(stdoutGone))
    expect((await untilStopped(work, () => undefined, { source })).value).toBe(false)
  })
})
