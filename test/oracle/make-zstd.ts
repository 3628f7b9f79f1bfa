// Makes test/data/golden/*.zst with the zstd command (version 1.5.4 made those in the repository). From the root:
//   npx esbuild test/oracle/make-zstd.ts --bundle --platform=node --format=esm | node --input-type=module -
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { ZSTD_FILES } from '../helpers/zstd-content.js'

for (const [name, { content, options }] of Object.entries(ZSTD_FILES)) {
  const bytes = execFileSync('zstd', ['-q', '-c', ...options], { input: content(), maxBuffer: 2 ** 28 })
  writeFileSync(`test/data/golden/${name}`, bytes)
  console.log(name, bytes.length)
}
