import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { trainingFlops } from '../../lib/model/flops.js'
import type { StepRow } from '../report.js'
import type { Effort, Subject } from '../subject.js'
import { stepConfig, type StepModel } from './models.js'
import type { StepAnswer, StepRequest } from './process.js'
import { sharesOf } from './shares.js'

/** Whole training steps of one model in a process of their own, which lives through all rounds. */
export class StepSubject implements Subject {
  readonly group = 'step'
  readonly name: string
  readonly sizes: string
  readonly threads: number
  childSeconds = 0
  readonly #model: StepModel
  readonly #answers: StepAnswer[] = []
  #child: ChildProcess | undefined

  constructor(model: StepModel, threads: number) {
    const { B, T, F, L, H } = model
    this.#model = model
    this.name = model.name
    this.sizes = `B${B} T${T} F${F} L${L} H${H}`
    this.threads = threads
  }

  async measure({ warmUpSteps, steps }: Effort): Promise<void> {
    this.#child ??= fork(fileURLToPath(new URL('./step/process.js', import.meta.url)), [
      this.#model.name,
      String(this.threads),
    ])
    if (!this.#child.connected) throw new Error('the process that trains has ended')
    const answer = await ask(this.#child, { warmUpSteps, steps })
    if (answer.error !== undefined) throw new Error(answer.error)
    this.#answers.push(answer)
    this.childSeconds = answer.processorSeconds
  }

  row(): StepRow {
    const { B, T, K } = this.#model
    const { model } = stepConfig(this.#model, this.threads)
    const memory = this.#answers.at(-1)?.memory
    return {
      group: this.group,
      name: this.name,
      sizes: this.sizes,
      threads: this.threads,
      follows: 'compute',
      tokens: B * T * K,
      flops: trainingFlops(model, B * T, T),
      shares: sharesOf(this.#answers),
      ...(memory && { memory }),
      javascript: this.#answers.flatMap(({ javascript }) => javascript),
      rounds: this.#answers.map(({ seconds }) => seconds),
    }
  }

  dispose(): void {
    if (this.#child?.connected) this.#child.disconnect()
    this.#child = undefined
  }
}

function ask(child: ChildProcess, request: StepRequest): Promise<StepAnswer> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null, signal: string | null) =>
      reject(new Error(`the process that trains ended with ${signal ?? `exit code ${code}`}`))
    child.once('exit', ended)
    child.once('message', (answer: StepAnswer) => {
      child.off('exit', ended)
      resolve(answer)
    })
    child.send(request)
  })
}
