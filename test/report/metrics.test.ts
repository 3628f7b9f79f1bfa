import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { DataError, SaveError } from '../../lib/errors.js'
import { openMetrics, readMetrics } from '../../lib/report/metrics.js'
import { healthEvent, startEvent, stepEvent } from './events.js'

const folder = mkdtempSync(join(tmpdir(), 'patchtrain-metrics-'))
afterAll(() => rmSync(folder, { recursive: true }))

const after = (step: number, incidents = 0) => ({ step, incidents })
const anew = after(-1)

function written(name: string, steps: number): string {
  const path = join(folder, name, 'metrics.jsonl')
  const metrics = openMetrics(path, anew)
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
    const metrics = openMetrics(path, after(5))
    metrics.write(stepEvent(6))
    metrics.close()
    expect(stepsOf(path)).toEqual([1, 2, 3, 4, 5, 6])
  })

  it('loses only the line that a crash cut short', () => {
    const path = written('c', 3)
    appendFileSync(path, '{"type":"step","st')
    expect(stepsOf(path)).toEqual([1, 2, 3])
    openMetrics(path, after(3)).close()
    expect(readFileSync(path, 'utf8')).toMatch(/\}\n$/)
  })

  it('of a run that rolled back tells of the steps that count, and of why', () => {
    const path = written('rollback', 5)
    const metrics = openMetrics(path, after(5))
    metrics.write(healthEvent(6, { action: 'rollback', rolledBackTo: 3 }))
    metrics.write(stepEvent(4))
    metrics.close()
    expect(stepsOf(path)).toEqual([1, 2, 3, 4])
    const incidents = () => readMetrics(path).filter((line) => line.type === 'health')
    expect(incidents()).toHaveLength(1)
    // A checkpoint of the time after knows of the incident, one of the time before will meet it again.
    openMetrics(path, after(4, 1)).close()
    expect(incidents()).toHaveLength(1)
    openMetrics(path, after(3, 0)).close()
    expect(incidents()).toHaveLength(0)
  })

  it('loses lines that a bad disk has spoiled when the run goes on, and no others', () => {
    const path = written('spoiled', 2)
    appendFileSync(path, '\0\0\0\n[1]\nnull\n')
    appendFileSync(path, `${JSON.stringify(stepEvent(3))}\n`)
    openMetrics(path, after(9)).close()
    expect(stepsOf(path)).toEqual([1, 2, 3])
  })

  it('of a new run begins anew', () => {
    const path = written('d', 3)
    openMetrics(path, anew).close()
    expect(readFileSync(path, 'utf8')).toBe('')
  })

  it('names the file and the line that cannot be read', () => {
    const path = written('e', 1)
    appendFileSync(path, 'what\n')
    expect(() => readMetrics(path)).toThrow(`${path}, line 3 is no line of metrics`)
    expect(() => readMetrics(join(folder, 'none'))).toThrow(DataError)
  })

  it('that cannot be written is a SaveError', () => {
    const path = written('f', 1)
    expect(() => openMetrics(join(path, 'below-a-file.jsonl'), anew)).toThrow(SaveError)
  })

  it('takes nothing more after it was closed, and closes twice', () => {
    const path = join(folder, 'g.jsonl')
    const metrics = openMetrics(path, anew)
    metrics.close()
    metrics.close()
    metrics.write(stepEvent(1))
    expect(readMetrics(path)).toEqual([])
  })
})
