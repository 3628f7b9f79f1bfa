import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

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

type Act = (child: ChildProcess) => void
interface Watch {
  /** Called once, when the line of this step is on stdout; the run must be started with --json. */
  readonly atStep?: readonly [step: number, act: Act]
  /** Called once, when something is on stderr. */
  readonly atFirstWord?: Act
  readonly stdout?: number
}

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

function run(argv: readonly string[], { atStep, atFirstWord, stdout }: Watch = {}): Promise<Ended> {
  const child = spawn(process.execPath, [cli, ...argv], { stdio: ['ignore', stdout ?? 'pipe', 'pipe'] })
  const written = { out: '', err: '' }
  let reached = false
  child.stdout?.on('data', (piece: Buffer) => {
    written.out += piece.toString()
    if (!atStep || reached || !written.out.includes(`"type":"step","step":${atStep[0]},`)) return
    reached = true
    atStep[1](child)
  })
  child.stderr!.on('data', (piece: Buffer) => {
    if (written.err === '') atFirstWord?.(child)
    written.err += piece.toString()
  })
  return new Promise((done) => child.on('close', (code) => done({ code, ...written })))
}

const send =
  (...signals: NodeJS.Signals[]): Act =>
  (child) =>
    signals.forEach((signal) => child.kill(signal))

/**
 * All of them are waiting when the process goes on, so none is dealt with before the next has come. They are then handed
 * out by their numbers.
 */
const sendTogether = (...signals: NodeJS.Signals[]) => send('SIGSTOP', ...signals, 'SIGCONT')

const lastEvent = (out: string) => JSON.parse(out.trimEnd().split('\n').at(-1)!) as object
const checkpoints = (out: string) => {
  const at = join(out, 'checkpoints')
  return existsSync(at) ? readdirSync(at).filter((name) => /^step-\d+$/.test(name)) : []
}
const model = (name: string) => readFileSync(join(folder, name, 'model', 'model.safetensors'))

describe.skipIf(!existsSync(cli))('the executable', () => {
  beforeAll(async () => {
    const whole = await run(['train', config, '--out', join(folder, 'whole'), '--quiet'])
    expect(whole).toEqual({ code: 0, out: '', err: '' })
  })

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGUSR2', 0],
  ] as const)('told to stop by %s, saves, says so and exits with %i', async (signal, code) => {
    const out = join(folder, signal)
    const stopped = await run(['train', config, '--out', out, '--json'], { atStep: [20, send(signal)] })
    expect(stopped.err).toContain(`${signal}: finishing the step and saving a checkpoint`)
    expect(stopped.err).toContain(`go on with: patchtrain resume ${out}`)
    expect(stopped.code).toBe(code)
    expect(lastEvent(stopped.out)).toMatchObject({ type: 'end', reason: 'stopped' })
    expect(checkpoints(out)).toHaveLength(1)
  })

  it('resumed after a stop, ends with the same bits as a run that was never stopped', async () => {
    expect((await run(['resume', join(folder, 'SIGTERM'), '--quiet'])).code).toBe(0)
    expect(model('SIGTERM').equals(model('whole'))).toBe(true)
  })

  // Which of two signals that came together is told first is the kernel's choice.
  it.each([
    [
      ['SIGINT', 'SIGTERM'],
      [130, 143],
    ],
    [
      ['SIGINT', 'SIGUSR2'],
      [130, 1],
    ],
  ] as const)('told twice, by %s, leaves at once and saves nothing', async (signals, codes) => {
    const out = join(folder, `twice-${signals.join('-')}`)
    const { code, out: lines } = await run(['train', config, '--out', out, '--json'], {
      atStep: [20, sendTogether(...signals)],
    })
    expect(codes).toContain(code)
    expect(lastEvent(lines)).toMatchObject({ type: 'step' })
    expect(checkpoints(out)).toEqual([])
  })

  it.each([
    ['SIGUSR2', 75],
    ['SIGTERM', 143],
  ] as const)(
    'told to stop by %s while it tokenizes, begins no run and exits with %i',
    async (signal, code) => {
      const out = join(folder, `early-${signal}`)
      const text = join(folder, 'long.txt') // in several batches, after each of which it looks up
      writeFileSync(text, 'the quick brown fox jumps over the lazy dog.\n'.repeat(1e6))
      const ended = await run(['train', config, '--set', `data.train=${text}`, '--out', out], {
        atFirstWord: send(signal),
      })
      expect(ended.err).toContain(`${signal}: stopping; no step has been done yet`)
      expect(ended.code).toBe(code)
      expect(existsSync(out)).toBe(false)
    },
  )

  it('that cannot save when it is told to stop exits with 74, whatever signal it was', async () => {
    const out = join(folder, 'unwritable')
    const first = await run(['train', config, '--out', out, '--json'], {
      atStep: [
        20,
        (child) => {
          rmSync(join(out, 'checkpoints'), { recursive: true, force: true })
          writeFileSync(join(out, 'checkpoints'), 'no folder')
          child.kill('SIGUSR2')
        },
      ],
    })
    expect(first.err).toContain('[ERR_SAVE]')
    expect(first.code).toBe(74)
  })

  it('whose stdout is closed saves and exits with 141; whose stderr is, goes on', async () => {
    const closed = join(folder, 'closed')
    const first = await run(['train', config, '--out', closed, '--json'], {
      atStep: [20, (child) => child.stdout!.destroy()],
    })
    expect(first.code).toBe(141)
    expect(checkpoints(closed)).toHaveLength(1)

    const silent = join(folder, 'silent')
    const second = await run(['train', config, '--out', silent, '--json'], {
      atStep: [1, (child) => child.stderr!.destroy()],
    })
    expect(second.code).toBe(0)
    expect(model('silent').equals(model('whole'))).toBe(true)
  })

  it.skipIf(!existsSync('/dev/full'))('whose events cannot be written saves and exits with 141', async () => {
    const out = join(folder, 'full')
    const { code } = await run(['train', config, '--out', out, '--json'], {
      stdout: openSync('/dev/full', 'w'),
    })
    expect(code).toBe(141)
    expect(checkpoints(out)).toHaveLength(1)
  })

  it('refuses the folder of a run that goes on, and does not disturb that run', async () => {
    const out = join(folder, 'shared')
    let first: Promise<Ended> | undefined
    const paused = await new Promise<ChildProcess>((done) => {
      const pause: Act = (child) => {
        child.kill('SIGSTOP')
        done(child)
      }
      first = run(['train', config, '--out', out, '--json'], { atStep: [20, pause] })
    })
    for (const argv of [
      ['resume', out],
      ['train', config, '--out', out, '--overwrite'],
    ]) {
      const { code, err } = await run(argv)
      expect(code).toBe(2)
      expect(err).toContain(`in use by process ${paused.pid} on `)
    }
    paused.kill('SIGCONT')
    expect((await first)!.code).toBe(0)
    expect(model('shared').equals(model('whole'))).toBe(true)
  })

  it('explains an error on stderr, leaves stdout alone, and exits with 2', async () => {
    const { code, out, err } = await run(['train', config, '--patch-size', '5'])
    expect(code).toBe(2)
    expect(out).toBe('')
    expect(err).toContain('K·T = 5·64 = 320')
  })
})
