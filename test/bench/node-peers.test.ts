import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'tsup'
import { afterAll, describe, expect, it } from 'vitest'
import { nodePeers } from '../../bench/peers/cpu/node-peers.js'
import { loadPackage } from '../../bench/peers/cpu/node-package.js'
import { race, type Entrant } from '../../bench/peers/cpu/race.js'
import { peerRows } from '../../bench/peers/cpu/rows.js'
import { compare } from '../../bench/peers/cpu/summary.js'
import { readTensorFile, writeTensorFile, type NamedTensor } from '../../bench/peers/cpu/tensor-file.js'

const folder = mkdtempSync(join(tmpdir(), 'patchtrain-node-peers-test-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('a package that the user installs', () => {
  it('is asked for where it is absent, without the whole path of a folder', () => {
    const wanted = 'npm install @jax-js/none in a folder, and name it by --node-peers'
    expect(() => loadPackage('.', '@jax-js/none')).toThrow(`there is none in .; ${wanted}`)
    expect(() => loadPackage('/home/user/trainers', '@jax-js/none')).toThrow(
      `there is none in user/trainers; ${wanted}`,
    )
  })

  it('is loaded from the folder that was named, with its version', () => {
    const root = join(folder, 'node_modules', '@some', 'trainer')
    mkdirSync(join(root, 'dist'), { recursive: true })
    const manifest = { name: '@some/trainer', version: '1.2.3', exports: { '.': './dist/main.cjs' } }
    writeFileSync(join(root, 'package.json'), JSON.stringify(manifest))
    writeFileSync(join(root, 'dist', 'main.cjs'), 'exports.answer = 42')
    expect(loadPackage(folder, '@some/trainer')).toEqual({ exports: { answer: 42 }, version: '1.2.3' })
  })
})

it('a row says what to install for a trainer that is absent, and goes on without it', async () => {
  const entry = join(import.meta.dirname, '..', '..', 'bench', 'peers', 'cpu', 'jax-js.ts')
  const mjs = () => ({ js: '.mjs' }) // the folder is no package, which would say what .js is
  await build({
    entry: [entry],
    outDir: folder,
    format: 'esm',
    outExtension: mjs,
    config: false,
    silent: true,
  })
  const start = (name: string, script: string, ...args: string[]): Entrant => ({
    name,
    program: { command: process.execPath, args: [script, ...args], env: {} },
  })
  const task = { threads: 1, warmUps: 1, repeats: 1 }
  const { contenders } = await race(
    [
      start('ours', join(import.meta.dirname, 'fixtures', 'fake-contender.mjs'), '{"name":"ours"}'),
      start('jax-js', join(folder, 'jax-js.mjs'), folder, JSON.stringify(task)),
    ],
    1,
    { prepare: 50, turn: 50 },
  )
  expect(contenders[0]!.skipped).toBeUndefined()
  expect(compare(contenders)[1]!.failure).toMatch(/^skipped: there is none in .*; npm install @jax-js\/jax /)
})

it('the trainers of Node run on the small step alone', () => {
  const racing = peerRows.filter((row) => {
    const task = { ...row.task, threads: 1, inputs: 'inputs' }
    return nodePeers(row, task, folder).length > 0
  })
  expect(racing.map(({ name }) => name)).toEqual(['step C256 V512'])
})

it('a tensor file is read as it was written', () => {
  const tensors: NamedTensor[] = [
    { name: 'weights', shape: [2, 3], data: Float32Array.from([1, -2, 0.1, 4, 5, 6]) },
    { name: 'ids', shape: [1, 2], data: Int32Array.from([7, -1]) },
  ]
  const path = join(folder, 'tensors')
  writeTensorFile(path, tensors)
  expect(Object.values(readTensorFile(path))).toEqual(tensors)
})
