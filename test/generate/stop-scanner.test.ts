import { describe, expect, it } from 'vitest'
import { StopScanner } from '../../lib/generate/stop-scanner.js'

/** What comes out, piece by piece; the last entry is what `end` gave or where it stopped. */
function scan(stops: string[], pieces: string[]): string[] {
  const scanner = new StopScanner(stops)
  const out: string[] = []
  for (const piece of pieces) {
    const { text, stopped } = scanner.push(piece)
    out.push(text)
    if (stopped) return [...out, 'stopped']
  }
  return [...out, scanner.end()]
}

describe('a stop scanner', () => {
  it.each([
    [['\nUser:'], ['a', '\n', 'b'], ['a', '', '\nb', '']],
    [['\nUser:'], ['a\nUs', 'er: x'], ['a', '', 'stopped']],
    [['aab'], ['a', 'a', 'a', 'b'], ['', '', 'a', '', 'stopped']],
    [
      ['xyz', 'b'],
      ['axy', 'b'],
      ['a', 'xy', 'stopped'],
    ],
    [['end'], ['the en'], ['the ', 'en']],
    [['b', 'ab'], ['ab'], ['', 'stopped']],
    [[], ['a', 'b'], ['a', 'b', '']],
    [['🙂'], ['a\ud83d', '\ude42b'], ['a', '', 'stopped']],
  ])('of %j makes of %j: %j', (stops, pieces, expected) => {
    expect(scan(stops, pieces)).toEqual(expected)
  })

  it('gives the same text however it is cut into pieces', () => {
    const text = 'one stop, sto, stopp and stops'
    const whole = scan(['stops', 'p a'], [text]).slice(0, -1).join('')
    expect(whole).toBe('one stop, sto, stop')
    for (let size = 1; size < text.length; size++) {
      const pieces = text.match(new RegExp(`.{1,${size}}`, 'g'))!
      expect(scan(['stops', 'p a'], pieces).slice(0, -1).join(''), `pieces of ${size}`).toBe(whole)
    }
  })
})
