import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { UserConfig } from '../../lib/config/schema.js'
import type { HealthEvent, StepEvent } from '../../lib/events.js'
import { readMetrics } from '../../lib/report/metrics.js'
import { checkpointBefore } from '../../lib/train/replay-route.js'
import { replayStep, type StepReplay } from '../../lib/train/replay.js'
import { runFolder } from '../../lib/train/run-folder.js'
import { lockRun } from '../../lib/train/run-lock.js'
import { uniforms } from '../helpers/random-data.js'
import { runCommand } from '../helpers/run-cli.js'
import { runTiny, tinyConfig } from '../helpers/tiny-run.js'

const base = mkdtempSync(join(tmpdir(), 'patchtrain-replay-'))
afterAll(() => rmSync(base, { recursive: true, force: true }))

const allTheSame = { loss: true, gradientNorm: true, batch: true }
const everyTwo = { everySteps: 2, keep: 20 }

async function trained(name: string, changes: Partial<UserConfig> = {}): Promise<string> {
  const config = { sample: { tokens: 0 }, checkpoint: everyTwo, ...changes }
  await runTiny(tinyConfig(join(base, name), config)).catch((error: { code: string }) => {
    if (!['ERR_NON_FINITE', 'ERR_SPIKE'].includes(error.code)) throw error
  })
  return join(base, name, 'run')
}

function linesOf(run: string): { steps: StepEvent[]; findings: HealthEvent[] } {
  const lines = readMetrics(join(run, 'metrics.jsonl'))
  return {
    steps: lines.filter((line): line is StepEvent => line.type === 'step'),
    findings: lines.filter((line): line is HealthEvent => line.type === 'health'),
  }
}

/** A copy of a run with only some of its checkpoints. */
function withCheckpoints(original: string, kept: (step: number) => boolean): string {
  const copy = mkdtempSync(join(base, 'copy-'))
  cpSync(original, copy, { recursive: true })
  const checkpoints = join(copy, 'checkpoints')
  for (const name of readdirSync(checkpoints)) {
    const step = Number(/^step-(\d+)$/.exec(name)?.[1])
    if (step >= 0 && !kept(step)) rmSync(join(checkpoints, name), { recursive: true })
  }
  return copy
}

function filesIn(folder: string): [name: string, bytes: number, changed: number][] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const { size, mtimeMs } = statSync(join(folder, name))
      return [name, size, mtimeMs]
    })
}

function expectAsRecorded(replay: StepReplay, recorded: StepEvent): void {
  const { loss, gradientNorm, learningRate, batch } = recorded
  expect(replay).toMatchObject({ step: recorded.step, recorded: { taken: recorded }, same: allTheSame })
  expect(replay.now).toMatchObject({ loss, gradientNorm, learningRate, batch })
  expect(replay.strayedAt).toBeUndefined()
}

describe('a step computed again', () => {
  let run: string
  beforeAll(async () => {
    run = await trained('plain')
  })

  // Stages end with the steps 4 and 8.
  it.each([
    [1, 0],
    [2, 0],
    [3, 2],
    [4, 2],
    [5, 4],
    [6, 4],
    [7, 6],
    [8, 6],
  ])('has the bits of step %i, from the checkpoint of step %i', async (step, from) => {
    const replay = await replayStep(run, step)
    expect(replay.from).toBe(from)
    expectAsRecorded(replay, linesOf(run).steps[step - 1]!)
  })

  it('has them from the initial weights, through the switch of stages', async () => {
    const bare = withCheckpoints(run, () => false)
    const asked: string[] = []
    const replay = await replayStep(bare, 7, { onStep: (done, of) => asked.push(`${done} of ${of}`) })
    expect(replay.from).toBe(0)
    expect(asked).toEqual([0, 1, 2, 3, 4, 5].map((done) => `${done} of 6`))
    expectAsRecorded(replay, linesOf(run).steps[6]!)
  })

  it('comes from an older checkpoint where the newest is damaged, and says so', async () => {
    const damaged = withCheckpoints(run, () => true)
    const file = join(damaged, 'checkpoints', 'step-00000006', 'weights.safetensors')
    const bytes = readFileSync(file)
    bytes[bytes.length - 1]! ^= 1
    writeFileSync(file, bytes)
    const notices: string[] = []
    const replay = await replayStep(damaged, 7, {
      onProgress: (progress) => progress.stage === 'notice' && notices.push(progress.message),
    })
    expect(replay.from).toBe(4)
    expect(notices.join()).toMatch(/skipped the checkpoint .*step-00000006.*damaged/)
    expectAsRecorded(replay, linesOf(run).steps[6]!)
  })

  it.each([2, 7])('tells the loss of every sequence of step %i, the greatest first', async (step) => {
    const { sequences, now } = await replayStep(run, step)
    const { firstSample, sequences: count } = now.batch
    const losses = sequences.map(({ loss }) => loss)
    expect(losses).toEqual([...losses].sort((a, b) => b - a))
    expect(sequences.map(({ sample }) => sample).sort((a, b) => a - b)).toEqual(
      Array.from({ length: count }, (_, i) => firstSample + i),
    )
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / count
    expect(Math.abs(mean - now.loss)).toBeLessThanOrEqual(1000 * 2 ** -53 * mean) // sums of some hundred losses
  })

  it('gives to each sequence the loss that it has in a micro-batch of its own', async () => {
    const schedule = { totalSteps: 8, batchTokens: 512, context: 32, patchSize: 4, patchFraction: 0.5 }
    const one = await trained('one', { schedule: { ...schedule, microBatchSequences: 1 } })
    const together = await replayStep(run, 1)
    const alone = await replayStep(one, 1)
    expect(new Set(together.sequences.map(({ loss }) => loss)).size).toBe(4)
    expect(alone.sequences).toEqual(together.sequences)
  })

  it('shows the text of a sequence, which a byte is a token of here', async () => {
    const corpus = readFileSync('data/tinyshakespeare.txt', 'latin1')
    const { sequences } = await replayStep(run, 6)
    for (const { firstToken, text } of sequences) {
      // The corpus begins with a token that is no byte.
      expect(corpus.slice(firstToken - 1, firstToken + 200)).toContain(text.slice(1))
      expect(text.length).toBe(32)
    }
  })

  it('tells the gradient of every parameter, which make up the norm of the whole', async () => {
    const { gradients, largestGradient, now } = await replayStep(run, 7)
    expect(gradients.map(({ name }) => name).sort()).toEqual(
      [
        ...['embedding', 'head', 'norm'],
        ...[0, 1].flatMap((layer) =>
          ['attention.norm', 'attention.out', 'attention.qkv'].map((name) => `layers.${layer}.${name}`),
        ),
        ...[0, 1].flatMap((layer) =>
          ['feedForward.down', 'feedForward.gateUp', 'feedForward.norm'].map((n) => `layers.${layer}.${n}`),
        ),
      ].sort(),
    )
    const norms = gradients.map(({ norm }) => norm)
    expect(norms).toEqual([...norms].sort((a, b) => b - a))
    // Squares of 32,032 elements, added in double in either order.
    expect(Math.abs(Math.hypot(...norms) / now.gradientNorm - 1)).toBeLessThanOrEqual(32_032 * 2 ** -53)
    expect(largestGradient).toBe(Math.max(...gradients.map(({ largest }) => largest)))
    expect(gradients.every(({ notFinite }) => notFinite === 0)).toBe(true)
  })

  it('leaves a run that is in use as it is', async () => {
    const lock = await lockRun(runFolder(run))
    try {
      const before = filesIn(run)
      await replayStep(run, 6)
      expect(filesIn(run)).toEqual(before)
    } finally {
      await lock.release()
    }
  })

  it('can be stopped on the way', async () => {
    const bare = withCheckpoints(run, () => false)
    const controller = new AbortController()
    const stopped = replayStep(bare, 7, {
      signal: controller.signal,
      onStep: (done) => done === 2 && controller.abort(),
    })
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' })
  })

  it.each([0, 9, 1.5, NaN])('refuses step %d', async (step) => {
    await expect(replayStep(run, step)).rejects.toMatchObject({
      code: 'ERR_CONFIG',
      message: `There is no step ${step}: the run has steps 1 … 8. Give one of them.`,
    })
  })

  it('refuses a step that was not taken', async () => {
    const short = withCheckpoints(run, () => false)
    const lines = readMetrics(join(run, 'metrics.jsonl')).filter(({ step }) => step <= 5)
    writeFileSync(join(short, 'metrics.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    await expect(replayStep(short, 6)).rejects.toThrow(
      'Step 6 is not in metrics.jsonl, which holds steps 1 … 5.',
    )
  })

  it('says what differs, and from which step on', async () => {
    const other = withCheckpoints(run, () => false)
    const file = join(other, 'metrics.jsonl')
    const { steps } = linesOf(run)
    const changed = steps.map((line) => ({
      ...line,
      ...(line.step === 3 && { gradientNorm: line.gradientNorm + 1 }),
      ...(line.step === 5 && { loss: line.loss + 1, batch: { ...line.batch, firstSample: 0 } }),
    }))
    writeFileSync(file, changed.map((line) => `${JSON.stringify(line)}\n`).join(''))
    const replay = await replayStep(other, 5)
    expect(replay.strayedAt).toBe(3)
    expect(replay.same).toEqual({ loss: false, gradientNorm: true, batch: false })
  })

  it('is printed with what a reader asks first', async () => {
    const { code, out, err } = await runCommand(['inspect', run, '--step', '6'])
    expect(code).toBe(0)
    expect(err).toBe('replaying step 5 of 6\n')
    expect(out).toMatch(/^step +6, stage 'token' \(K = 1\)$/m)
    expect(out).toMatch(/^replayed +from the checkpoint of step 4 on cpu/m)
    const { loss, gradientNorm, batch } = linesOf(run).steps[5]!
    expect(out).toMatch(new RegExp(`^loss +${loss} +${loss} +the same$`, 'm'))
    expect(out).toMatch(new RegExp(`^gradient norm +${gradientNorm} +${gradientNorm} +the same$`, 'm'))
    expect(out).toContain(batch.tokensHash)
    expect(out).toContain('… and 6 more sequences; --json has all')
    expect(out).toMatch(/^layers\.0\.attention\.qkv +64 × 32 /m)
  })

  it('is printed as JSON', async () => {
    const { code, out } = await runCommand(['inspect', run, '--step', '6', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toEqual({ kind: 'step', path: run, ...plain(await replayStep(run, 6)) })
  })

  it.each([
    [['--step', '6', '--profile'], '--step and --profile are two questions'],
    [['--step', '6', '--svg', 'x.svg'], '--svg belongs to --profile'],
    [['--threads', '1'], '--threads belongs to --profile or --step'],
  ])('flags %j are refused', async (flags, message) => {
    const { code, err } = await runCommand(['inspect', run, ...flags])
    expect(code).toBe(2)
    expect(err).toContain(message)
  })
})

/** Without what differs from time to time, as JSON writes it. */
function plain(replay: StepReplay): object {
  const { now, ...rest } = JSON.parse(JSON.stringify(replay)) as StepReplay
  return { ...rest, now: { ...now, seconds: expect.anything(), tokensPerSecond: expect.anything() } }
}

it('a step that was not finite is found so again, and in which parameters', async () => {
  const run = await trained('infinite', {
    optimizer: { learningRate: 1e30, warmupSteps: 0, gradientClip: 0 },
    checkpoint: { everySteps: 1 },
  })
  const { steps, findings } = linesOf(run)
  const finding = findings.at(-1)!
  const replay = await replayStep(run, finding.step)
  expect(replay.recorded).toEqual({ taken: undefined, finding })
  expect(replay).toMatchObject({
    from: steps.length,
    same: allTheSame,
    nowFound: { finding: 'non-finite', action: 'stop' },
  })
  expect(Number.isFinite(replay.now.loss) && Number.isFinite(replay.now.gradientNorm)).toBe(false)
  const counts = replay.gradients.map(({ notFinite }) => notFinite)
  expect(counts[0]).toBeGreaterThan(0)
  expect(counts).toEqual([...counts].sort((a, b) => b - a))
  const { out } = await runCommand(['inspect', run, '--step', String(finding.step)])
  expect(out).toMatch(/^found +non-finite, stop: loss unknown, gradient norm unknown$/m)
  expect(out).toMatch(/^update +left out$/m)
})

/*
 * Text that repeats itself, with noise in it where the steps 22 and 24 read when nothing goes wrong: their losses are
 * spikes, and the run goes back. With a checkpoint at every step it goes back to step 21 and then to 22; with one at
 * every fourth twice to step 20, the second time undoing the first.
 */
describe.each([
  [1, [21, 22]],
  [4, [20, 20]],
])('a run that went back, with checkpoints every %i steps', (everySteps, targets) => {
  let run: string
  beforeAll(async () => {
    run = await trainedOnNoise(`rollback-${everySteps}`, everySteps)
  })

  it('did so twice', () => {
    const { findings } = linesOf(run)
    expect(findings.map(({ rolledBackTo }) => rolledBackTo)).toEqual(targets)
  })

  it('is replayed along the way that it took in the end', async () => {
    const { steps, findings } = linesOf(run)
    const found = new Set(findings.map(({ step }) => step))
    for (const kept of [() => true, (step: number) => step <= 20, () => false]) {
      const copy = withCheckpoints(run, kept)
      for (const step of [20, 21, 23, 24, 25, 32].filter((step) => !found.has(step)))
        expectAsRecorded(await replayStep(copy, step), steps[step - 1]!)
    }
  })

  it('shows a step that looked bad, not the one that was taken instead', async () => {
    const finding = linesOf(run).findings.at(-1)!
    for (const kept of [() => true, () => false]) {
      const replay = await replayStep(withCheckpoints(run, kept), finding.step)
      expect(replay).toMatchObject({
        recorded: { taken: undefined, finding },
        same: allTheSame,
        nowFound: { finding: 'spike', action: 'rollback', deviations: finding.deviations },
      })
      expect(replay.strayedAt).toBeUndefined()
      expect(replay.now.skipped).toBe(true)
      expect(replay.sequences[0]!.text).not.toContain('over and over')
    }
  })
})

it('a replay starts from no checkpoint that lies behind a rollback which came later', async () => {
  const run = await trainedOnNoise('behind', 1)
  const lines = readMetrics(join(run, 'metrics.jsonl'))
  const before = async (incident: number) =>
    (await checkpointBefore(join(run, 'checkpoints'), 30, lines, incident)).checkpoint!.state.step
  expect([await before(1), await before(2), await before(Infinity)]).toEqual([21, 22, 29])
})

it('a replay knows what of the budget was spent', async () => {
  const run = await trainedOnNoise('spent', 1, 1)
  const finding = linesOf(run).findings.at(-1)!
  expect(finding).toMatchObject({ action: 'stop', incident: 2 })
  for (const kept of [() => true, () => false]) {
    const replay = await replayStep(withCheckpoints(run, kept), finding.step)
    expect(replay).toMatchObject({ same: allTheSame, nowFound: { finding: 'spike', action: 'stop' } })
  }
})

function trainedOnNoise(name: string, everySteps: number, budget = 10): Promise<string> {
  const text = join(base, 'text.txt')
  writeFileSync(text, noisyText())
  return trained(name, {
    data: { train: text, cache: join(base, name, 'tokens'), validationFraction: 0 },
    schedule: {
      totalSteps: 32,
      batchTokens: 512,
      context: 32,
      patchSize: 4,
      patchFraction: 0.75,
      microBatchSequences: 2,
    },
    checkpoint: { everySteps, keep: 40 },
    health: { spike: 'rollback', window: 3, spikeDeviations: 5, budget },
  })
}

function noisyText(): string {
  const next = uniforms(3)
  const noise = () =>
    Array.from({ length: 128 }, () => String.fromCharCode(33 + Math.floor(90 * next()))).join('')
  let text = 'over and over. '.repeat(2400)
  for (const at of [3, 9, 14, 17, 23, 25])
    text = text.slice(0, at * 1280) + noise() + text.slice(at * 1280 + 128)
  return text
}
