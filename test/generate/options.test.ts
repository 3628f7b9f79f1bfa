import { describe, expect, it } from 'vitest'
import { checkedOptions, generateDefaults, type GenerateOptions } from '../../lib/generate/options.js'

const signal = new AbortController().signal

describe('options of a generation', () => {
  it('have the defaults that are documented', () => {
    const { stop, batchSize, maxTokens, ...sampling } = generateDefaults
    expect(checkedOptions({})).toEqual({ maxTokens, batchSize, stop, sampling, signal: undefined })
    expect(checkedOptions({ stop: 'x', signal })).toMatchObject({ stop: ['x'], signal })
  })

  const wrong: Record<keyof typeof generateDefaults, unknown[]> = {
    maxTokens: [-1, 1.5, Infinity, '5'],
    temperature: [-1, 101, Infinity, '0.5'],
    topK: [0.5, -1, 2 ** 31],
    topP: [0, 2, -0.1],
    repetitionPenalty: [0, -1, 101],
    seed: [1.5, -1, 2 ** 53],
    stop: ['', ['a', ''], [1], {}],
    batchSize: [0, 1.5],
  }
  it.each(Object.entries(wrong))('refuse %s of another kind, and undefined, null and NaN', (name, values) => {
    for (const value of [...values, undefined, null, NaN])
      expect(() => checkedOptions({ [name]: value }), String(value)).toThrow(
        expect.objectContaining({ code: 'ERR_CONFIG', path: name }),
      )
  })

  it('refuse a signal that is none, options that are none, and a name that means nothing', () => {
    expect(() => checkedOptions({ signal: {} as AbortSignal })).toThrow('signal is [object Object]')
    expect(() => checkedOptions(null as unknown as GenerateOptions)).toThrow('options is null')
    expect(() => checkedOptions({ maxtokens: 3 } as GenerateOptions)).toThrow('Did you mean maxTokens?')
  })
})
