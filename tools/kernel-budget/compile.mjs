// Compiles one source for one architecture, or finds in the cache what that gave before.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

const kFlags = ['-std=c++17', '-O3', '-lineinfo', '-Xptxas', '-v', '-cubin']

/** The first line of `nvcc --version` that names a release; null without nvcc. */
export function nvccVersion() {
  const { status, stdout } = spawnSync('nvcc', ['--version'], { encoding: 'utf8' })
  return status === 0 ? (/release.*/.exec(stdout)?.[0] ?? stdout) : null
}

export class Compiler {
  /** `include`: the folder that sources include from; all headers in it count as read by every source. */
  constructor({ version, include, cache }) {
    this.include = include
    this.cache = cache
    this.common = hash([version, ...kFlags, ...headers(include).map((file) => readFileSync(file))])
    mkdirSync(cache, { recursive: true })
  }

  /** → { cubin, log } */
  async compile(source, arch) {
    const key = hash([this.common, arch, readFileSync(source)])
    const stem = join(this.cache, `${basename(source, '.cu')}-${arch}-${key.slice(0, 16)}`)
    if (!existsSync(`${stem}.log`)) {
      const args = [...kFlags, `-arch=${arch}`, '-I', this.include, '-o', `${stem}.cubin`, source]
      const { status, output } = await run('nvcc', args)
      if (status !== 0) throw new Error(`${source} does not compile for ${arch}:\n${output}`)
      writeFileSync(`${stem}.log`, output) // last: its presence says that the cubin is whole
    }
    return { cubin: readFileSync(`${stem}.cubin`), log: readFileSync(`${stem}.log`, 'utf8') }
  }
}

function hash(parts) {
  const sum = createHash('sha256')
  for (const part of parts) sum.update(part).update('\0')
  return sum.digest('hex')
}

function headers(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((file) => /\.(h|cuh|inc)$/.test(file) && !file.startsWith('simt'))
    .sort()
    .map((file) => join(folder, file))
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
    child.on('error', reject)
    child.on('close', (status) => resolve({ status, output }))
  })
}
