import { existsSync, statSync, writeFileSync } from 'node:fs'
import { dirname, extname } from 'node:path'
import { loadConfig } from '../../config/load.js'
import type { UserConfig } from '../../config/schema.js'
import type { RunConfig } from '../../config/types.js'
import { DataError, SaveError } from '../../errors.js'
import { flamePicture } from '../../report/flame-picture.js'
import type { RunProfile } from '../../report/profile.js'
import { createStatusLine, type StatusLine } from '../../report/status-line.js'
import { profileRun, type ProfileProgress } from '../../train/profile.js'
import { readRunConfig, runFolder } from '../../train/run-folder.js'
import { writeJson, writeLine, type CliContext } from '../command.js'
import { profileText } from './profile-text.js'

export interface ProfileRequest {
  /** A run folder or a configuration file. */
  readonly path: string
  readonly stage: string | undefined
  readonly steps: number | undefined
  readonly device: string | undefined
  readonly threads: number | undefined
  /** Where to draw the picture; nowhere unless given. */
  readonly svg: string | undefined
  /** Every op instead of one row for each kind. */
  readonly ops: boolean
  readonly json: boolean
}

/** Measures and prints; what was measured is printed even if the picture cannot be drawn or written then. */
export async function inspectProfile(request: ProfileRequest, context: CliContext): Promise<void> {
  const { path, svg, ops, json } = request
  if (svg !== undefined) requirePictureFile(svg)
  const profile = await measure(request, context)
  if (json) writeJson(context, { kind: 'profile', path, ...profile })
  else writeLine(context, profileText(profile, ops))
  if (svg === undefined) {
    if (!json) writeLine(context, '\nAs a picture: --svg FILE.')
    return
  }
  drawPicture(profile, svg)
  if (!json) writeLine(context, `\nwrote ${svg}`)
}

/** Before anything is measured. */
function requirePictureFile(file: string): void {
  if (extname(file).toLowerCase() !== '.svg')
    throw new SaveError(`The picture is an SVG file, and '${file}' does not end in .svg. Give another --svg.`)
  const folder = dirname(file)
  if (!existsSync(folder))
    throw new SaveError(`Cannot write the picture ${file}: there is no folder ${folder}.`)
}

async function measure(request: ProfileRequest, context: CliContext): Promise<RunProfile> {
  const { path, stage, steps, device, threads } = request
  const config = {
    ...configAt(path, context.environment),
    ...(device !== undefined && { device }),
    ...(threads !== undefined && { threads }),
  }
  const status = createStatusLine(context.terminal)
  try {
    return await profileRun(config, {
      ...(stage !== undefined && { stage }),
      ...(steps !== undefined && { steps }),
      onProgress: showProfiling(status),
    })
  } finally {
    status.close()
  }
}

function configAt(path: string, environment: NodeJS.ProcessEnv): UserConfig | RunConfig {
  if (!existsSync(path)) throw new DataError(`There is nothing at ${path}. Check the path.`, { file: path })
  if (statSync(path).isDirectory()) return readRunConfig(runFolder(path))
  if (['.yaml', '.yml', '.json'].includes(extname(path).toLowerCase()))
    return loadConfig({ file: path, environment })
  throw new DataError(
    `${path} has no training steps to profile. Give a run folder, or a configuration (.yaml or .json).`,
    { file: path },
  )
}

function showProfiling(status: StatusLine): (progress: ProfileProgress) => void {
  return (progress) => {
    if (progress.doing === 'ceilings') return status.show('measuring what this device can do at most')
    const { stage, done, of } = progress
    status.show(`profiling stage '${stage}', step ${done + 1} of ${of}`)
  }
}

function drawPicture(profile: RunProfile, file: string): void {
  const picture = flamePicture(profile)
  try {
    writeFileSync(file, picture)
  } catch (cause) {
    throw new SaveError(
      `Cannot write the picture ${file}: ${(cause as Error).message}. Give another --svg.`,
      {
        cause,
      },
    )
  }
}
