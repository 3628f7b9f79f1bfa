// A model in training, one step at a time, as the trainer does it but for reading text.
import type { PlanDescription } from '../../lib/native/addon.js'
import { Device } from '../../lib/native/device.js'
import { Engine } from '../../lib/train/engine.js'
import { integers } from '../../test/helpers/random-data.js'
import { stepConfig, type StepModel } from './models.js'

export const learningRate = 3e-4

export class StepSession {
  readonly device: Device
  readonly engine: Engine
  readonly #batch: Int32Array
  #updates = 0

  private constructor(model: StepModel, threads: number) {
    const config = stepConfig(model, threads)
    this.device = Device.create({ device: 'cpu', threads })
    this.engine = new Engine(this.device, config)
    this.#batch = tokensOf(model)
  }

  static async create(model: StepModel, threads: number): Promise<StepSession> {
    const session = new StepSession(model, threads)
    await session.engine.initialise()
    return session
  }

  /** One optimizer step on the same tokens; the loss before it. */
  async step(): Promise<number> {
    const { loss } = await this.engine.step(
      0,
      () => Promise.resolve(this.#batch),
      learningRate,
      ++this.#updates,
    )
    if (!Number.isFinite(loss)) throw new Error(`the loss is ${loss}`)
    return loss
  }

  describe(): PlanDescription[] {
    return this.engine.describe()
  }

  dispose(): void {
    this.device.dispose()
  }
}

/** [B, T·K], the same for every program that is measured. */
export function tokensOf({ B, T, K, V }: StepModel): Int32Array {
  return integers(B * T * K, V, 1)
}
