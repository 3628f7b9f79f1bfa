import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { makeFolder, readSmallFile, replaceFile, saveError, syncFolder, systemCode } from './files.js'
import { attemptsName, checkpointName, listCheckpoints } from './folder.js'

/**
 * A checkpoint can be whole and yet not lead anywhere: every start from it runs out of memory, or crashes. So starts are
 * counted before they load, and the count goes when one has come through its first step. What still stands there was a
 * start that died.
 */

/** Starts by name of the checkpoint. */
export type Attempts = ReadonlyMap<string, number>

/** After so many starts that died the checkpoint before it is used. */
export const maxAttempts = 2

const maxFileBytes = 1 << 16
const schema = z.strictObject({ unconfirmedStarts: z.record(z.string(), z.int().positive()) })

/** A file that is missing, or is not what we write, counts as none: it must never stand between a user and his run. */
export async function readAttempts(folder: string): Promise<Attempts> {
  try {
    const bytes = await readSmallFile(join(folder, attemptsName), maxFileBytes)
    const { unconfirmedStarts } = schema.parse(JSON.parse(new TextDecoder().decode(bytes)))
    return new Map(Object.entries(unconfirmedStarts))
  } catch {
    return new Map()
  }
}

/**
 * Counts a start from the checkpoint of `step`; on disk when it returns. To be called before the checkpoint is loaded.
 * @throws {SaveError} when the folder cannot be written to
 */
export async function recordStart(folder: string, step: number): Promise<void> {
  try {
    const attempts = await readAttempts(folder)
    const there = new Set(
      (await listCheckpoints(folder)).map((checkpoint) => checkpointName(checkpoint.step)),
    )
    const kept = [...attempts].filter(([name]) => there.has(name))
    const name = checkpointName(step)
    const counts = { ...Object.fromEntries(kept), [name]: (attempts.get(name) ?? 0) + 1 }
    await makeFolder(folder)
    await replaceFile(join(folder, attemptsName), `${JSON.stringify({ unconfirmedStarts: counts })}\n`)
  } catch (error) {
    throw saveError(`The count of starts (${attemptsName})`, folder, error)
  }
}

/**
 * Says that the run has come through a step, or has stopped as it should. Safe to call again.
 * @throws {SaveError} when the folder cannot be written to
 */
export async function confirmStart(folder: string): Promise<void> {
  try {
    await rm(join(folder, attemptsName))
    await syncFolder(folder)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return
    throw saveError(`The count of starts (${attemptsName})`, folder, error)
  }
}
