import { Device } from '../lib/native/device.js'
import type { StatusLine } from '../lib/report/status-line.js'
import { aroundTheStep, type AroundOptions } from './around/index.js'
import { cases } from './cases.js'
import { measureSpeeds } from './ceilings.js'
import { chosen } from './choose.js'
import { OpSubject } from './ops.js'
import { Others } from './others.js'
import type { Ceiling, Row, Skipped, Speeds } from './report.js'
import { fullName } from './report.js'
import { stepModels } from './step/models.js'
import { StepSubject } from './step/subject.js'
import { effortOf, type Subject } from './subject.js'

export interface Wanted extends AroundOptions {
  readonly words: readonly string[]
  readonly rounds: number
  readonly quick: boolean
}

export interface Measured {
  readonly level: string
  readonly others: number[]
  readonly ceilings: Ceiling[]
  readonly rows: Row[]
  readonly skipped: Skipped[]
  /** Whether a row that was begun could not be measured. */
  readonly failed: boolean
}

/**
 * Measures what is wanted, in rounds: every round begins with the ceilings and goes through all rows. A row that fails is
 * skipped with its reason, and the others go on.
 */
export async function measureRounds(wanted: Wanted, status: StatusLine): Promise<Measured> {
  const { threadCounts, words, rounds, quick } = wanted
  const devices = threadCounts.map((threads) => Device.create({ device: 'cpu', threads }))
  const around = aroundTheStep(wanted)
  const subjects = chosen<Subject>(
    [
      ...cases.flatMap((benchCase) => devices.map((device) => new OpSubject(device, benchCase))),
      ...stepModels.flatMap((model) => threadCounts.map((threads) => new StepSubject(model, threads))),
      ...around.subjects,
    ],
    words,
  )
  // With words, a quick look is at all that was asked for.
  const measured = quick && words.length === 0 ? subjects.filter(isQuick) : subjects
  const ceilings = devices.map(({ threads }) => ({ threads, rounds: [] as Speeds[] }))
  const skipped = around.skipped.filter(
    ({ name }) => words.length === 0 || words.some((word) => name.includes(word)),
  )
  const others: number[] = []
  const failures = new Map<Subject, string>()
  try {
    for (let round = 0; round < rounds; round++) {
      const watch = new Others()
      const childSeconds = () => measured.reduce((sum, subject) => sum + subject.childSeconds, 0)
      const childrenBefore = childSeconds()
      for (const [i, device] of devices.entries()) {
        status.show(`round ${round + 1} of ${rounds}: ceilings`)
        ceilings[i]!.rounds.push(await measureSpeeds(device))
      }
      for (const [done, subject] of measured.entries()) {
        if (failures.has(subject)) continue
        const threads = subject.threads === null ? '' : `, ${subject.threads} threads`
        status.show(
          `round ${round + 1} of ${rounds}, row ${done + 1} of ${measured.length}: ${fullName(subject)}${threads}`,
        )
        try {
          await subject.measure(effortOf(round, quick))
        } catch (error) {
          failures.set(subject, (error as Error).message)
        }
      }
      others.push(watch.share(childSeconds() - childrenBefore))
    }
    for (const [subject, reason] of failures)
      skipped.push({ name: fullName(subject), reason: `failed: ${reason}` })
    const rows = measured.filter((subject) => !failures.has(subject)).map((subject) => subject.row())
    return { level: devices[0]!.level, others, ceilings, rows, skipped, failed: failures.size > 0 }
  } finally {
    status.close()
    for (const subject of subjects) subject.dispose()
    await around.dispose()
    for (const device of devices) device.dispose()
  }
}

const isQuick = ({ group, name }: Subject) => group !== 'step' || name === stepModels[0]!.name
