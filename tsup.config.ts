import { defineConfig } from 'tsup'

const shared = {
  target: 'node20',
  sourcemap: true,
  // The loader of the addon must resolve files from its own place, and the CLI must share the library's instance of it.
  external: ['bindings'],
  esbuildOptions(options: { logOverride?: Record<string, unknown> | undefined }) {
    options.logOverride = { 'empty-import-meta': 'silent' } // load.ts uses __filename where import.meta is empty
  },
}

export default defineConfig([
  { ...shared, entry: { index: 'lib/index.ts' }, format: ['esm', 'cjs'], dts: true },
  { ...shared, entry: { 'checkpoint-writer': 'lib/checkpoint/writer-main.ts' }, format: ['esm'] },
  { ...shared, entry: { cli: 'lib/cli/main.ts' }, format: ['esm'], splitting: true },
])
