import { describe, expect, it } from 'vitest'
import { createProgress } from '../../lib/report/progress.js'
import { terminalOf } from '../../lib/report/terminal.js'
import { startEvent, stepEvent, wholeRun } from './events.js'

function recording(isTTY: boolean, environment: NodeJS.ProcessEnv = {}, columns = 200) {
  let text = ''
  const stream = { isTTY, columns, write: (piece: string | Uint8Array) => ((text += String(piece)), true) }
  return { terminal: terminalOf(stream, environment), text: () => text }
}

describe('progress in a pipe', () => {
  it('is plain lines: the first step, one every few seconds, the last of each stage', () => {
    let time = 0
    const { terminal, text } = recording(false)
    const progress = createProgress(terminal, { plainSeconds: 10, now: () => time })
    for (const event of wholeRun()) {
      if (event.type === 'step') time += 1000 * event.seconds
      progress.event(event)
    }
    progress.close()
    const steps = text().match(/step +\d+\/90/g)!
    expect(steps).toEqual([
      'step  1/90',
      'step 41/90',
      'step 60/90',
      'step 70/90',
      'step 80/90',
      'step 90/90',
    ])
    expect(text()).not.toContain('\x1b')
    expect(text()).not.toContain('\r')
    expect(text()).toContain(
      'stage 2 of 2, token: token by token, 30 steps × 4,096 tokens (32 × 128 positions)',
    )
    expect(text()).toMatch(/done: 90 steps, 369k tokens in 45s\n$/)
  })
})

describe('progress on a terminal', () => {
  it('is one line that is written over, and taken away at the end', () => {
    let time = 0
    const { terminal, text } = recording(true)
    const progress = createProgress(terminal, { now: () => (time += 1000) })
    progress.event(startEvent())
    progress.event(stepEvent(1))
    progress.event(stepEvent(40))
    progress.close()
    expect(text()).toContain('█')
    expect(text().split('\r\x1b[2K')).toHaveLength(3)
    expect(text().endsWith('\r\x1b[2K')).toBe(true)
  })

  it('on a narrow terminal leaves out what matters least, never the loss and the time left', () => {
    const { terminal, text } = recording(true, { NO_COLOR: '1' }, 80)
    const progress = createProgress(terminal)
    progress.event(startEvent())
    const before = text().length
    progress.event(stepEvent(1))
    const line = text().slice(before)
    expect(line).toMatch(/^░+ 0\.6 % {2}patch K=4 .* loss 5\.0000 .* ETA 45s$/)
    expect(line).not.toContain('lr')
    expect([...line].length).toBeLessThan(80)
  })

  it('never wraps', () => {
    const { terminal, text } = recording(true, { NO_COLOR: '1' }, 40)
    const progress = createProgress(terminal)
    progress.event(startEvent())
    const before = text().length
    progress.event(stepEvent(1))
    expect([...text().slice(before)].length).toBeLessThan(40)
  })
})

describe('the time left', () => {
  it('knows that a token step costs K patch steps', () => {
    let time = 0
    const { terminal, text } = recording(false)
    const progress = createProgress(terminal, { plainSeconds: 0, now: () => (time += 1) })
    progress.event(startEvent())
    for (let step = 1; step <= 30; step++) progress.event(stepEvent(step))
    // 30 patch steps of 1/4 s and 30 token steps of 1 s are left.
    expect(text()).toMatch(/step 30\/90 .* ETA 38s\n$/)
  })
})

describe('colour and animation', () => {
  it.each([
    ['a terminal', true, {}, true, true],
    ['a pipe', false, {}, false, false],
    ['NO_COLOR', true, { NO_COLOR: '1' }, true, false],
    ['TERM=dumb', true, { TERM: 'dumb' }, false, false],
    ['CI', true, { CI: 'true' }, false, false],
    ['FORCE_COLOR in a pipe', false, { FORCE_COLOR: '1' }, false, true],
  ] as const)('%s', (_, isTTY, environment, live, colored) => {
    const { terminal } = recording(isTTY, environment)
    expect(terminal.live).toBe(live)
    expect(terminal.colors.isColorSupported).toBe(colored)
  })
})
