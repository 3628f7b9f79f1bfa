import { basename } from 'node:path'
import { readSmallFile } from '../checkpoint/files.js'
import type { SafetensorsFile } from '../checkpoint/safetensors.js'
import { parseStrictJson } from '../checkpoint/strict-json.js'
import { CheckpointError } from '../errors.js'

const maxIndexBytes = 64 << 20
const maxShards = 1000

/** What `model.safetensors.index.json` says, not yet held against the files. */
export interface ShardIndex {
  readonly path: string
  /** Each once, in the order in which tensors name them. */
  readonly files: readonly string[]
  /** Tensor to file. */
  readonly places: ReadonlyMap<string, string>
  /** Bytes of all tensors, where it is said. */
  readonly totalBytes: number | undefined
}

/** @throws {CheckpointError} when it is no index, or names anything but files beside itself */
export async function readIndex(path: string): Promise<ShardIndex> {
  const bad = (what: string, cause?: unknown) => {
    const text = `${path} is not a valid index: ${what}. Download the model again.`
    return new CheckpointError('ERR_CHECKPOINT_CORRUPT', text, { cause })
  }
  const text = new TextDecoder().decode(await readSmallFile(path, maxIndexBytes))
  let index: unknown
  try {
    index = parseStrictJson(text)
  } catch (cause) {
    throw bad((cause as Error).message.slice(0, 200), cause)
  }
  const { weight_map: map, metadata } = (index ?? {}) as { weight_map?: unknown; metadata?: unknown }
  if (typeof map !== 'object' || map === null || Array.isArray(map)) throw bad('it has no weight_map')
  const places = new Map<string, string>()
  for (const [tensor, file] of Object.entries(map) as [string, unknown][]) {
    if (typeof file !== 'string' || !/^\w[\w.-]*\.safetensors$/.test(file))
      throw bad(
        `for ${quote(tensor)} it says ${quote(file)}, which is not the plain name of a safetensors file`,
      )
    places.set(tensor, file)
  }
  const files = [...new Set(places.values())]
  if (files.length === 0 || files.length > maxShards)
    throw bad(`it names ${files.length} files, not 1 to ${maxShards}`)
  const totalBytes = (metadata as { total_size?: unknown } | null | undefined)?.total_size
  if (totalBytes !== undefined && !(Number.isSafeInteger(totalBytes) && (totalBytes as number) >= 0))
    throw bad(`its total_size is ${quote(totalBytes)}`)
  return { path, files, places, totalBytes: totalBytes as number | undefined }
}

/** Where an index and the files that it names contradict each other. */
export function indexProblems(index: ShardIndex, files: readonly SafetensorsFile[]): string[] {
  const problems: string[] = []
  const holders = new Map<string, string>()
  let bytes = 0
  for (const { path, tensors } of files) {
    const file = basename(path)
    for (const [name, { begin, end }] of tensors) {
      bytes += end - begin
      const other = holders.get(name)
      const said = index.places.get(name)
      if (other !== undefined) problems.push(`${name} is in two files, ${other} and ${file}`)
      else if (said === undefined) problems.push(`${name} in ${file} is not in the index`)
      else if (said !== file) problems.push(`${name} is in ${file}, the index says ${said}`)
      holders.set(name, file)
    }
  }
  for (const [name, file] of index.places)
    if (!holders.has(name)) problems.push(`${name} is not in ${file}, where the index says it is`)
  if (problems.length === 0 && index.totalBytes !== undefined && index.totalBytes !== bytes)
    problems.push(`the tensors of all files have ${bytes} bytes, the index says ${index.totalBytes}`)
  return problems
}

/** A value from a file, made fit for a message. */
function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
