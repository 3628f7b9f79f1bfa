import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'

const mounted = new Set<string>()

/** Mounts a small file system of its own on `path`; undefined when that worked, else why it did not. */
export function mountSmall(path: string, bytes: number): string | undefined {
  mkdirSync(path, { recursive: true })
  const problem = command('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path])
  if (problem === undefined) mounted.add(path)
  return problem && `no small file system can be mounted here (${problem})`
}

export function remount(path: string, mode: 'ro' | 'rw'): string | undefined {
  return command('mount', ['-o', `remount,${mode}`, path])
}

export function unmount(path: string): void {
  if (!mounted.delete(path)) return
  // Lazily where a file is still open: the folder must be free for its removal.
  if (command('umount', [path]) !== undefined) command('umount', ['-l', path])
}

export function unmountAll(): void {
  for (const path of mounted) unmount(path)
}

function command(name: string, args: readonly string[]): string | undefined {
  const { status, stderr, error } = spawnSync(name, args, { encoding: 'utf8' })
  if (status === 0) return undefined
  return error?.message ?? stderr.trim().split('\n')[0]
}
