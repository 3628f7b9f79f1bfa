import type { ModelConfig } from '../config/types.js'
import type { Tokenizer } from '../data/tokenizer/tokenizer.js'
import type { FlatParameters } from '../model/weights.js'
import type { Device } from '../native/device.js'

/** A model that can be evaluated: on a device, with its tokenizer. What `loadModel` gives, or the state of a run. */
export interface EvaluatedModel {
  readonly device: Device
  readonly model: ModelConfig
  /** In the type that the device computes with. */
  readonly weights: FlatParameters
  readonly tokenizer: Tokenizer
  /** T: positions the model was trained with. */
  readonly context: number
}
