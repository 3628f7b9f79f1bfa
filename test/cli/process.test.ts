import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'

/** The built executable: what `npm test` made before it came here. */
const cli = join(import.meta.dirname, '..', '..', 'dist', 'cli.js')

const folder = mkdtempSync(join(tmpdir(), 'patchtrain-process-'))
afterAll(() => rmSync(folder, { recursive: true }))

const config = join(folder, 'tiny.yaml')
writeFileSync(join(folder, 'text.txt'), 'the quick brown fox jumps over the lazy dog.\n'.repeat(400))
writeFileSync(
  config,
  `model: { width: 64, layers: 2, heads: 2, feedForward: 128 }
data: { train: ${join(folder, 'text.txt')}, validationFraction: 0, cache: ${join(folder, 'cache')} }
schedule: { totalSteps: 300, batchTokens: 1024, context: 64 }
checkpoint: { everySteps: 0 }
sample: { tokens: 0 }
`,
)

/** Runs the executable; `onLine` sees each line of stdout and may send a signal. */
function run(
  argv: readonly string[],
  onLine: (line: string, kill: (signal: NodeJS.Signals) => void) => void = () => undefined,
) {
  const child = spawn(process.execPath, [cli, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] })
  const written = { out: '', err: '' }
  let line = ''
  child.stdout.on('data', (piece: Buffer) => {
    written.out += piece.toString()
    const lines = (line + piece.toString()).split('\n')
    line = lines.pop()!
    for (const whole of lines) onLine(whole, (signal) => child.kill(signal))
  })
  child.stderr.on('data', (piece: Buffer) => (written.err += piece.toString()))
  return new Promise<{ code: number | null; out: string; err: string }>((done) => {
    child.on('close', (code) => done({ code, ...written }))
  })
}

const model = (name: string) => readFileSync(join(folder, name, 'model', 'model.safetensors'))

describe.skipIf(!existsSync(cli))('the executable', () => {
  it('told to stop, saves and exits with 143; resumed, ends with the same bits as a run that was never stopped', async () => {
    const whole = await run(['train', config, '--out', join(folder, 'whole'), '--quiet'])
    expect(whole).toEqual({ code: 0, out: '', err: '' })

    const stopped = join(folder, 'stopped')
    let told = false
    const first = await run(['train', config, '--out', stopped, '--json'], (line, kill) => {
      if (told || !line.includes('"step":20,')) return
      told = true
      kill('SIGTERM')
    })
    expect(first.err).toContain('SIGTERM: finishing the step and saving a checkpoint')
    expect(first.code).toBe(143)
    expect(JSON.parse(first.out.trimEnd().split('\n').at(-1)!)).toMatchObject({
      type: 'end',
      reason: 'stopped',
    })

    expect((await run(['resume', stopped, '--quiet'])).code).toBe(0)
    expect(model('stopped').equals(model('whole'))).toBe(true)
  })

  it('explains an error on stderr, leaves stdout alone, and exits with 2', async () => {
    const { code, out, err } = await run(['train', config, '--patch-size', '5'])
    expect(code).toBe(2)
    expect(out).toBe('')
    expect(err).toContain('K·T = 5·64 = 320')
  })
})
