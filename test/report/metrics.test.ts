import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { DataError, SaveError } from '../../lib/errors.js'
import { openMetrics, readMetrics } from '../../lib/report/metrics.js'
import { startEvent, stepEvent } from './events.js'

const folder = mkdtempSync(join(tmpdir(), 'patchtrain-metrics-'))
afterAll(() => rmSync(folder, { recursive: true }))

function written(name: string, steps: number): string {
  const path = join(folder, name, 'metrics.jsonl')
  const metrics = openMetrics(path, -1)
  metrics.write(startEvent())
  for (let step = 1; step <= steps; step++) metrics.write(stepEvent(step))
  metrics.close()
  return path
}

const stepsOf = (path: string) =>
  readMetrics(path).flatMap((line) => (line.type === 'step' ? [line.step] : []))

describe('metrics.jsonl', () => {
  it('is a line an event, readable while it is written, the start without its configuration', () => {
    const path = written('a', 2)
    expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(4)
    const [start, step] = readMetrics(path)
    expect(start).not.toHaveProperty('config')
    expect(step).toEqual(stepEvent(1))
  })

  it('of a resumed run has no step twice', () => {
    const path = written('b', 9)
    const metrics = openMetrics(path, 5)
    metrics.write(stepEvent(6))
    metrics.close()
    expect(stepsOf(path)).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('loses only the line that a crash cut short', () => {
    const path = written('c', 3)
    appendFileSync(path, '{"type":"step","st')
    expect(stepsOf(path)).toEqual([1, 2, 3])
    openMetrics(path, 3).close()
    expect(readFileSync(path, 'utf8')).toMatch(/\}\n$/)
  })

  it('of a new run begins anew', () => {
    const path = written('d', 3)
    openMetrics(path, -1).close()
    expect(readFileSync(path, 'utf8')).toBe('')
  })

  it('names the file and the line that cannot be read', () => {
    const path = written('e', 1)
    appendFileSync(path, 'what\n')
    expect(() => readMetrics(path)).toThrow(`${path}, line 3 is not JSON`)
    expect(() => readMetrics(join(folder, 'none'))).toThrow(DataError)
  })

  it('that cannot be written is a SaveError', () => {
    const path = written('f', 1)
    expect(() => openMetrics(join(path, 'below-a-file.jsonl'), -1)).toThrow(SaveError)
  })

  it('takes nothing more after it was closed, and closes twice', () => {
    const path = join(folder, 'g.jsonl')
    const metrics = openMetrics(path, -1)
    metrics.close()
    metrics.close()
    metrics.write(stepEvent(1))
    expect(readMetrics(path)).toEqual([])
  })
})
