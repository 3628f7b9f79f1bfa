import { HuggingFaceModel } from '../../export/read-huggingface.js'
import { countParameters } from '../../model/parameters.js'
import { grouped, si } from '../../report/format.js'
import { fields, type Finding } from './finding.js'

/** Opening an exported model holds every tensor against its config. */
export async function inspectModel(folder: string): Promise<Finding> {
  const opened = await HuggingFaceModel.open(folder)
  await opened.close()
  const { model, settings } = opened
  const parameters = countParameters(model)
  return {
    text: fields([
      ['model', folder],
      ['parameters', `${si(parameters, 'B')} (${grouped(parameters)})`],
      ['vocabulary', grouped(model.vocabSize)],
      ['layers', String(model.layers)],
      ['width', `${model.width}, feed-forward ${model.feedForward}`],
      ['heads', `${model.heads} of ${model.headDim}, ${model.kvHeads} for keys and values`],
      ['head', model.tiedHead ? 'tied to the embedding' : 'of its own'],
    ]),
    json: { kind: 'model', path: folder, parameters, model, settings },
  }
}
