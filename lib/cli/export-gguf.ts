import type { LoadedModel } from '../eval/model.js'
import type { GgufType } from '../export/gguf/encode.js'
import { exportGguf } from '../export/gguf/export-gguf.js'
import { bytes } from '../report/format.js'
import { regionReader } from '../train/engine.js'
import { writeJson, writeLine, type CliContext } from './command.js'
import { exitCode } from './exit.js'

/** `export --format gguf`: one file with the model and its tokenizer. */
export async function writeGguf(
  model: LoadedModel,
  args: { folder: string; type: GgufType; overwrite: boolean; json: boolean },
  context: CliContext,
): Promise<number> {
  const { tokenizer } = model
  const { folder: file, type, overwrite } = args
  const written = await exportGguf({
    ...{ file, type, overwrite, model: model.model },
    settings: { positions: model.context, bosId: tokenizer.bosId, eosId: tokenizer.eosId },
    weights: regionReader(model.weights),
    tokenizerFiles: await tokenizer.files(),
  })
  const { keptAsF16 } = written
  if (keptAsF16.length > 0)
    context.terminal.write(
      `${keptAsF16.length} matrices are f16: their rows are no whole number of Q8_0 blocks of 32 (${keptAsF16[0]!} …)\n`,
    )
  if (args.json) writeJson(context, { file, source: model.source, ...written })
  else writeLine(context, `wrote ${file} (${bytes(written.bytes)}, ${type}) from ${model.source}`)
  return exitCode.ok
}
