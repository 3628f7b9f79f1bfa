import type { RegionWriter } from '../checkpoint/region.js'
import type { DraftModel } from '../config/draft.js'
import { CheckpointError, ConfigError } from '../errors.js'
import { HuggingFaceModel } from '../export/read-huggingface.js'

/**
 * Whether the folder that a run begins from (`model.from`) holds every weight of the model, before anything is written
 * or tokenized. Without such a folder there is nothing to check.
 * @throws {CheckpointError} naming what is missing, too much, or of another shape or type
 * @throws {ConfigError} when the configuration tells of another model than the folder
 */
export async function checkInitialWeights(model: DraftModel): Promise<void> {
  if (model.from === undefined) return
  const source = await openSource(model.from, model)
  await source.close()
}

/** Hands the weights of the folder to `write`, exactly as they are stored. Their padding is left alone. */
export async function loadInitialWeights(
  from: string,
  model: DraftModel,
  write: RegionWriter,
): Promise<void> {
  const source = await openSource(from, model)
  try {
    await source.load(async (offset, values, name) => {
      for (let i = 0; i < values.length; i++)
        if (!Number.isFinite(values[i])) throw notFinite(from, name, values[i]!)
      await write(offset, values)
    })
  } finally {
    await source.close()
  }
}

async function openSource(from: string, model: DraftModel): Promise<HuggingFaceModel> {
  const source = await HuggingFaceModel.open(from)
  // Resolving has read the same file, but a configuration may also carry the values of a folder that is another by now.
  const different = (Object.keys(source.model) as (keyof typeof source.model)[]).find(
    (key) => key !== 'initStd' && source.model[key] !== model[key],
  )
  if (different === undefined) return source
  await source.close()
  throw new ConfigError(
    `model.${different} is ${model[different]}, but the model in ${from} has ${source.model[different]}. Leave it out: ` +
      'model.from gives every value.',
    { path: `model.${different}` },
  )
}

function notFinite(from: string, name: string, value: number): CheckpointError {
  return new CheckpointError(
    'ERR_CHECKPOINT_CORRUPT',
    `${name} in ${from} holds ${value}; training cannot go on from that. Download or export the model again.`,
  )
}
