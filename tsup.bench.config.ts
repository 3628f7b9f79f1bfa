import { defineConfig } from 'tsup'

// The benchmarks run as one plain script beside the package, against the sources in lib/.
export default defineConfig({
  entry: ['bench/index.ts', 'bench/load.ts', 'bench/data.ts'],
  outDir: 'build/bench',
  format: 'esm',
  target: 'node20',
  clean: true,
  silent: true,
})
