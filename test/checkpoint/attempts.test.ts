import { chmod, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { confirmStart, readAttempts, recordStart } from '../../lib/checkpoint/attempts.js'
import { newestValid, newestWhole } from '../../lib/checkpoint/open.js'
import { SaveError } from '../../lib/errors.js'
import { expectStep, save } from './fixture.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

async function saved(...steps: number[]): Promise<string> {
  const folder = temporaryFolder()
  for (const step of steps) await save(folder, step)
  return folder
}

/** A start that dies before its first step: as the trainer makes it. Returns the step it started from. */
async function startAndDie(folder: string): Promise<number> {
  const { checkpoint } = await newestValid(folder)
  await recordStart(folder, checkpoint!.state.step)
  return checkpoint!.state.step
}

const damage = (folder: string, step: number) =>
  writeFile(join(folder, `step-0000000${step}`, 'm.safetensors'), 'rot')

describe('starts that die', () => {
  test('lead to the checkpoint before after two of them, and say what to do', async () => {
    const folder = await saved(1, 2, 3)
    expect(await startAndDie(folder)).toBe(3)
    expect(await startAndDie(folder)).toBe(3)
    const { checkpoint, skipped } = await newestValid(folder)
    await expectStep(checkpoint, 2)
    expect(skipped).toEqual([
      {
        path: join(folder, 'step-00000003'),
        reason: expect.stringMatching(/^2 starts from it died .* delete .*attempts\.json\.$/),
      },
    ])
    expect(await startAndDie(folder)).toBe(2)
    expect(await startAndDie(folder)).toBe(2)
    expect(await startAndDie(folder)).toBe(1)
  })

  test('are forgotten once one came through', async () => {
    const folder = await saved(1, 2)
    await startAndDie(folder)
    await startAndDie(folder)
    await confirmStart(folder)
    await expectStep((await newestValid(folder)).checkpoint, 2)
    expect(await readdir(folder)).not.toContain('attempts.json')
    await confirmStart(folder)
    await confirmStart('/nonexistent/checkpoints')
  })

  test('do not matter where there is no other checkpoint that is whole', async () => {
    const folder = await saved(1, 2)
    await damage(folder, 1)
    for (let start = 0; start < 5; start++) expect(await startAndDie(folder)).toBe(2)
    expect((await newestValid(folder)).skipped).toEqual([])
  })

  test('lead past a damaged one before, too', async () => {
    const folder = await saved(1, 2, 3)
    for (let start = 0; start < 2; start++) await startAndDie(folder)
    await damage(folder, 2)
    const { checkpoint, skipped } = await newestValid(folder)
    await expectStep(checkpoint, 1)
    expect(skipped.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/starts from it died/),
      expect.stringMatching(/is damaged/),
    ])
  })

  test('do not matter to one who only looks, or goes back within a run', async () => {
    const folder = await saved(1, 2)
    for (let start = 0; start < 3; start++) await recordStart(folder, 2)
    await expectStep((await newestWhole(folder)).checkpoint, 2)
  })

  test('are counted for checkpoints that are there, and no longer', async () => {
    const folder = await saved(1, 2, 3)
    for (const step of [3, 3, 2, 17]) await recordStart(folder, step)
    await recordStart(folder, 1)
    expect(Object.fromEntries(await readAttempts(folder))).toEqual({
      'step-00000001': 1,
      'step-00000002': 1,
      'step-00000003': 2,
    })
    await save(folder, 4, { retention: { keep: 2, keepEvery: 0, best: undefined } })
    await recordStart(folder, 4)
    expect([...(await readAttempts(folder)).keys()].sort()).toEqual(['step-00000003', 'step-00000004'])
  })

  test('survive a later save, and leave nothing behind when the count is torn', async () => {
    const folder = await saved(1)
    await recordStart(folder, 1)
    await writeFile(join(folder, 'attempts.json.partial'), 'torn')
    await save(folder, 2)
    expect(await readdir(folder)).toEqual(['attempts.json', 'latest', 'step-00000001', 'step-00000002'])
    await recordStart(folder, 1)
    expect((await readAttempts(folder)).get('step-00000001')).toBe(2)
  })
})

describe('a count that is none', () => {
  const name = 'step-00000002'
  test.each([
    ['nothing', ''],
    ['no JSON', '{"unconfirmedStarts":'],
    ['a list', '[]'],
    ['null', 'null'],
    ['other content', `{"${name}":2}`],
    ['a field too much', `{"unconfirmedStarts":{"${name}":2},"x":1}`],
    ['text for a number', `{"unconfirmedStarts":{"${name}":"2"}}`],
    ['half a start', `{"unconfirmedStarts":{"${name}":2.5}}`],
    ['less than no start', `{"unconfirmedStarts":{"${name}":-2}}`],
    ['infinitely many', `{"unconfirmedStarts":{"${name}":1e999}}`],
    ['more than it may hold', `{"unconfirmedStarts":{"${name}":2}}${' '.repeat(1 << 16)}`],
    ['deep nesting', '{"unconfirmedStarts":'.repeat(3000)],
  ])('(%s) counts as none, and the next start is counted', async (_, content) => {
    const folder = await saved(1, 2)
    await writeFile(join(folder, 'attempts.json'), content)
    const { checkpoint, skipped } = await newestValid(folder)
    await expectStep(checkpoint, 2)
    expect(skipped).toEqual([])
    await recordStart(folder, 2)
    expect(await readFile(join(folder, 'attempts.json'), 'utf8')).toBe(
      `{"unconfirmedStarts":{"${name}":1}}\n`,
    )
  })

  test('(a link to what never ends) counts as none, and is replaced, not followed', async () => {
    const folder = await saved(2)
    await symlink('/dev/zero', join(folder, 'attempts.json'))
    await expectStep((await newestValid(folder)).checkpoint, 2)
    await recordStart(folder, 2)
    expect((await readAttempts(folder)).get(name)).toBe(1)
  })

  test('(a name from an object of JavaScript) harms nothing', async () => {
    const folder = await saved(2)
    await writeFile(join(folder, 'attempts.json'), '{"unconfirmedStarts":{"__proto__":5,"constructor":5}}')
    await recordStart(folder, 2)
    expect([...(await readAttempts(folder))]).toEqual([[name, 1]])
  })

  test('(a folder) counts as none, and a start says that it is in the way', async () => {
    const folder = await saved(2)
    await mkdir(join(folder, 'attempts.json'))
    await expectStep((await newestValid(folder)).checkpoint, 2)
    await expect(recordStart(folder, 2)).rejects.toThrow(SaveError)
    await expect(recordStart(folder, 2)).rejects.toThrow(/Something else has that name/)
  })
})

test('a start in a folder that may not be written to says so', async ({ skip }) => {
  if (process.getuid?.() === 0) return skip('root may write everywhere')
  const folder = await saved(2)
  await chmod(folder, 0o500)
  await expect(recordStart(folder, 2)).rejects.toThrow(/may not be written to/)
  await chmod(folder, 0o700)
})
