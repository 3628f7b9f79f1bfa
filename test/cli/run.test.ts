import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommand, type CliResult } from '../helpers/run-cli.js'

const folder = mkdtempSync(join(tmpdir(), 'patchtrain-cli-'))
const run = join(folder, 'run')
const text = join(folder, 'text.txt')
const config = join(folder, 'tiny.yaml')
afterAll(() => rmSync(folder, { recursive: true }))

let trained: CliResult

beforeAll(async () => {
  writeFileSync(text, 'the quick brown fox jumps over the lazy dog.\n'.repeat(200))
  writeFileSync(
    config,
    `model: { width: 32, layers: 1, heads: 2, feedForward: 64 }
data: { train: ${text}, validationFraction: 0.1, cache: ${join(folder, 'cache')} }
schedule: { totalSteps: 9, batchTokens: 512, context: 32 }
optimizer: { learningRate: 1e-2, warmupSteps: 1 }
sample: { prompt: the, tokens: 8 }
threads: 1
`,
  )
  trained = await runCommand(['train', config, '--out', run, '--json'])
})

describe('train', () => {
  it('writes every event as a line of JSON on stdout, and what a person reads on stderr', () => {
    expect(trained.code).toBe(0)
    const events = trained.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string })
    expect(events[0]).toMatchObject({ type: 'start', totalSteps: 9 })
    expect(events.filter((event) => event.type === 'step')).toHaveLength(9)
    expect(events.filter((event) => event.type === 'stage')).toHaveLength(2)
    expect(events.at(-1)).toMatchObject({ type: 'end', reason: 'done' })
    expect(trained.err).toContain('stage 1 of 2, patch: patches of 4 tokens, 6 steps × 512 tokens')
    expect(trained.err).toContain('done: 9 steps')
  })

  it('leaves configuration, metrics, picture, checkpoint and model in the run folder', () => {
    for (const name of [
      'config.yaml',
      'metrics.jsonl',
      'loss.svg',
      'checkpoints/latest',
      'model/model.safetensors',
    ]) {
      expect(existsSync(join(run, name)), name).toBe(true)
    }
    expect(readFileSync(join(run, 'loss.svg'), 'utf8')).toContain('K = 4 → 1')
  })

  it('refuses a folder that holds a run, and replaces it when told to', async () => {
    const refused = await runCommand(['train', config, '--out', run])
    expect(refused.code).toBe(2)
    expect(refused.err).toContain('--overwrite')
    const other = join(folder, 'other')
    const quick = ['train', config, '--out', other, '--total-steps', '3', '--quiet']
    expect(await runCommand(quick)).toEqual({ code: 0, out: '', err: '' })
    expect((await runCommand([...quick, '--overwrite'])).code).toBe(0)
  })

  it('a resolved configuration can be trained again', async () => {
    const again = join(folder, 'again')
    const { code } = await runCommand(['train', join(run, 'config.yaml'), '--out', again, '--quiet'])
    expect(code).toBe(0)
    const model = (at: string) => readFileSync(join(at, 'model', 'model.safetensors'))
    expect(model(again).equals(model(run))).toBe(true)
  })
})

describe('resume', () => {
  it('of a finished run says so and changes nothing', async () => {
    const before = readFileSync(join(run, 'metrics.jsonl'))
    const { code, err } = await runCommand(['resume', run])
    expect(code).toBe(0)
    expect(err).toContain('is finished')
    expect(readFileSync(join(run, 'metrics.jsonl'))).toEqual(before)
  })

  it('of a folder that is no run exits with 1', async () => {
    const { code, err } = await runCommand(['resume', folder])
    expect(code).toBe(1)
    expect(err).toContain('not a run folder')
  })
})

describe('plan', () => {
  it('predicts the cost and writes nothing', async () => {
    const out = join(folder, 'planned')
    const { code, out: printed } = await runCommand(['plan', config, '--out', out])
    expect(code).toBe(0)
    expect(printed).toMatch(/in all +9/)
    expect(printed).toMatch(/cost {2}0\.5\d\d of token-level training/)
    expect(existsSync(out)).toBe(false)
  })

  it('--json, --ops and --print-config each print just that', async () => {
    const json = JSON.parse((await runCommand(['plan', config, '--json'])).out) as { steps: number }
    expect(json.steps).toBe(9)
    expect((await runCommand(['plan', config, '--ops'])).out).toMatch(/^attention_backward /m)
    const { out } = await runCommand(['plan', config, '--print-config', '--out', 'x'])
    expect(out).toContain('patchSize: 4')
    expect(out).toContain('vocabSize: 258')
  })
})

describe('a trained model', () => {
  it('generates the same text from the same seed', async () => {
    const argv = ['generate', run, 'the', '--max-tokens', '12', '--seed', '7']
    const { code, out } = await runCommand(argv)
    expect(code).toBe(0)
    expect(out.startsWith('the')).toBe(true)
    expect((await runCommand(argv)).out).toBe(out)
    const json = JSON.parse((await runCommand([...argv, '--json'])).out) as { prompt: string; text: string }
    expect(`${json.prompt}${json.text}\n`).toBe(out)
  })

  it('is evaluated', async () => {
    const { code, out } = await runCommand(['eval', run, '--data', text, '--json'])
    expect(code).toBe(0)
    const { loss, perplexity } = JSON.parse(out) as { loss: number; perplexity: number }
    expect(perplexity).toBeCloseTo(Math.exp(loss), 9)
  })

  it('is exported from a run, and not over another folder', async () => {
    const target = join(folder, 'exported')
    expect((await runCommand(['export', run, target, '--dtype', 'bf16'])).code).toBe(0)
    expect((await runCommand(['export', run, target])).code).toBe(74)
    expect((await runCommand(['generate', target, 'the', '--max-tokens', '2'])).code).toBe(0)
  })
})

describe('inspect', () => {
  it.each([
    ['a run', '', /progress +9 of 9 steps \(100 %\), done/],
    ['a checkpoint', 'checkpoints/step-00000009', /all checksums right/],
    ['an exported model', 'model', /parameters/],
    ['a safetensors file', 'model/model.safetensors', /model\.embed_tokens\.weight +F32 +258 × 32/],
  ])('shows %s', async (_, path, expected) => {
    const target = join(run, path)
    const { code, out } = await runCommand(['inspect', target])
    expect(code).toBe(0)
    expect(out).toMatch(expected)
    const { kind } = JSON.parse((await runCommand(['inspect', target, '--json'])).out) as { kind: string }
    expect(kind).toBeTypeOf('string')
  })

  it('shows a token set that tokenize wrote', async () => {
    const tokens = join(folder, 'tokens')
    const { code, out } = await runCommand(['tokenize', text, '--out', tokens])
    expect(code).toBe(0)
    expect(out).toMatch(/^wrote .*: 9,001 tokens of 1 documents in 1 uint16 shards/)
    expect((await runCommand(['tokenize', text, '--out', tokens])).out).toMatch(/^found /)
    expect((await runCommand(['inspect', tokens])).out).toMatch(/tokenizer +bytes, 258 entries/)
  })

  it('says what it can show when it is shown something else', async () => {
    for (const path of [text, folder, join(folder, 'nothing')]) {
      expect((await runCommand(['inspect', path])).code).toBe(1)
    }
  })
})

describe('report', () => {
  it('compares runs in one picture and one table', async () => {
    const picture = join(folder, 'both.svg')
    const { code, out } = await runCommand([
      'report',
      run,
      run,
      '--label',
      'one',
      '--label',
      'two',
      '--out',
      picture,
    ])
    expect(code).toBe(0)
    expect(out).toMatch(/^one +9 +4\.61k /m)
    expect(readFileSync(picture, 'utf8')).toContain('>two</text>')
  })

  it('wants a label for each run or none', async () => {
    expect((await runCommand(['report', run, '--label', 'a', '--label', 'b'])).code).toBe(2)
  })
})
