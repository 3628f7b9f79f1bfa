import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import { untilStopped, type SignalSource } from '../../lib/cli/signals.js'

class FakeProcess extends EventEmitter implements SignalSource {
  readonly exits: number[] = []
  exit(code: number): void {
    this.exits.push(code)
  }
}

const aborted = (signal: AbortSignal) => new Promise((done) => signal.addEventListener('abort', done))

describe('a stop signal', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s lets the work finish, and gives exit code %i', async (name, code) => {
    const source = new FakeProcess()
    const work = async (signal: AbortSignal) => {
      source.emit(name)
      expect(signal.aborted).toBe(true)
      return Promise.resolve('saved')
    }
    expect(await untilStopped(work, () => undefined, source)).toEqual({ value: 'saved', stoppedWith: code })
    expect(source.exits).toEqual([])
  })

  it('the second one ends the process at once', async () => {
    const source = new FakeProcess()
    const told: string[] = []
    const work = async (signal: AbortSignal) => {
      setTimeout(() => source.emit('SIGINT'))
      await aborted(signal)
      source.emit('SIGTERM')
    }
    await untilStopped(work, (name) => told.push(name), source)
    expect(told).toEqual(['SIGINT'])
    expect(source.exits).toEqual([143])
  })

  it('work that gives up when told to is stopped, not failed', async () => {
    const source = new FakeProcess()
    const work = async (signal: AbortSignal) => {
      setTimeout(() => source.emit('SIGINT'))
      await aborted(signal)
      signal.throwIfAborted()
    }
    expect(await untilStopped(work, () => undefined, source)).toEqual({ value: undefined, stoppedWith: 130 })
  })

  it('hides no other error, and no listener stays behind', async () => {
    const source = new FakeProcess()
    await expect(
      untilStopped(
        () => Promise.reject(new Error('disk')),
        () => undefined,
        source,
      ),
    ).rejects.toThrow('disk')
    expect(source.listenerCount('SIGINT') + source.listenerCount('SIGTERM')).toBe(0)
  })
})
