import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { commitFolder, replaceFile } from '../../lib/checkpoint/files.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

test('a folder that cannot be replaced keeps its name and content', async () => {
  const parent = temporaryFolder()
  const target = join(parent, 'target')
  await mkdir(target)
  await writeFile(join(target, 'old'), '')
  await expect(commitFolder(join(parent, 'never-made'), target)).rejects.toMatchObject({ code: 'ENOENT' })
  expect(await readdir(parent)).toEqual(['target'])
  expect(await readdir(target)).toEqual(['old'])
})

test('a file is replaced in place, over what a killed process has left', async () => {
  const parent = temporaryFolder()
  const path = join(parent, 'latest')
  await writeFile(`${path}.partial`, 'torn')
  for (const content of ['one', 'two']) {
    await replaceFile(path, content)
    expect(await readFile(path, 'utf8')).toBe(content)
  }
  expect(await readdir(parent)).toEqual(['latest'])
})
