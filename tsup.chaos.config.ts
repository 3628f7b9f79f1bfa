import { defineConfig } from 'tsup'

// The chaos harness runs as a plain script beside the package; the runs that it kills are those of the built command.
export default defineConfig({
  entry: { chaos: 'test/chaos/main.ts' },
  outDir: 'build/chaos',
  format: 'esm',
  target: 'node20',
  clean: true,
  silent: true,
})
