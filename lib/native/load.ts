import bindings from 'bindings'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AddonLoadError } from '../errors.js'
import type { NativeAddon } from './addon.js'

/** Raised together with kAddonAbi in native/binding/addon.cc. */
const expectedAbi = 4

export interface LoadedAddon {
  readonly addon: NativeAddon
  /** The file that was loaded; the CPU kernels lie beside it. */
  readonly path: string
}

let loaded: LoadedAddon | undefined

/**
 * The addon, loaded at the first call. Looked for at PATCHTRAIN_NATIVE_PATH when that is set, else where a build puts
 * it. Throws {@link AddonLoadError} with every attempt and what to run.
 */
export function loadAddon(): LoadedAddon {
  loaded ??= findAddon()
  return loaded
}

/** The package's own folder: the closest one above this file with a package.json. Works from lib/ and from dist/. */
export function packageRoot(): string {
  const self = typeof __filename === 'string' ? __filename : fileURLToPath(import.meta.url)
  let folder = dirname(self)
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder)
    if (parent === folder)
      throw new AddonLoadError(`${self} lies in no package: package.json is missing above it.`)
    folder = parent
  }
  return folder
}

function findAddon(): LoadedAddon {
  const root = packageRoot()
  const override = process.env['PATCHTRAIN_NATIVE_PATH']
  try {
    const addon = (
      override ? requireFile(override) : bindings({ bindings: 'patchtrain', module_root: root })
    ) as NativeAddon & { path?: string }
    const path = override ?? addon.path ?? join(root, 'build', 'Release', 'patchtrain.node')
    checkVersion(addon, path, root)
    return { addon, path }
  } catch (error) {
    if (error instanceof AddonLoadError) throw error
    throw new AddonLoadError(diagnosis(error, root, override), { cause: error })
  }
}

function requireFile(path: string): unknown {
  const module = { exports: {} }
  process.dlopen(module, path)
  return module.exports
}

function checkVersion(addon: NativeAddon, path: string, root: string): void {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  if (addon.abi === expectedAbi && addon.version === version) return
  throw new AddonLoadError(
    `The native addon ${path} is version ${addon.version} (interface ${addon.abi}), but this is patchtrain ${version} ` +
      `(interface ${expectedAbi}). Build it again: npm run build:native (in ${root}).`,
  )
}

function diagnosis(error: unknown, root: string, override: string | undefined): string {
  const reason = error instanceof Error ? error.message : String(error)
  const remedy = `Build it (needs a C++17 compiler and CMake): cd ${root} && npm run build:native`
  if (override)
    return `PATCHTRAIN_NATIVE_PATH=${override} could not be loaded: ${reason}\nUnset the variable, or point it at a patchtrain.node of this version.`
  const tries = (error as { tries?: string[] }).tries
  if (tries)
    return `The native addon was not found. Looked in:\n${tries.map((t) => `  ${t}`).join('\n')}\n${remedy}`
  if (/GLIBC_|GLIBCXX_|version .* not found/.test(reason))
    return `The native addon needs a newer C library than this host has: ${reason}\n${remedy}`
  return `The native addon could not be loaded: ${reason}\n${remedy}`
}
