// Makes test/data/golden/*.zst with the zstd command (1.5.4 made the files in the repository):
//   npx esbuild test/helpers/zstd-content.ts --format=esm --outfile=/tmp/zstd-content.mjs
//   node test/oracle/make-zstd.mjs /tmp/zstd-content.mjs
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'

const { ZSTD_FILES } = await import(pathToFileURL(process.argv[2]).href)
for (const [name, { content, options }] of Object.entries(ZSTD_FILES)) {
  const file = fileURLToPath(new URL(`../data/golden/${name}`, import.meta.url))
  const bytes = execFileSync('zstd', ['-q', '-c', ...options], { input: content(), maxBuffer: 2 ** 28 })
  writeFileSync(file, bytes)
  console.log(name, bytes.length)
}
