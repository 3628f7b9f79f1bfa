import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { saving } from '../shards/durable.js'
import type { TokenizerFile } from './tokenizer.js'

/*
 * A run keeps a copy of its tokenizer, so that it can be resumed, scored and exported when the one it was given has been
 * moved: the download it was trained on from, say. A copy cannot be a wrong one: runs compare fingerprints.
 */

/** Writes the files of a tokenizer into `folder`, all at once. */
export async function keepTokenizer(files: readonly TokenizerFile[], folder: string): Promise<void> {
  const partial = `${folder}.partial`
  await saving(folder, async () => {
    await rm(partial, { recursive: true, force: true })
    await mkdir(partial, { recursive: true })
    for (const { name, data } of files) await writeFile(join(partial, name), data)
    await rm(folder, { recursive: true, force: true })
    await rename(partial, folder)
  })
}

/** `spec` as long as it is there, else the copy in `folder`, should that be there. */
export function tokenizerOrKept(spec: string, folder: string): string {
  return spec !== 'bytes' && !existsSync(spec) && existsSync(folder) ? folder : spec
}
