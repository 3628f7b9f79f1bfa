import { resolve } from 'node:path'
import { defineConfig, type Options } from 'tsup'

// scripts/gpu-check.sh and the kernel tests as plain scripts that need Node alone: a host with a GPU may have neither
// npm nor a network. vitest gives way to its own runner (scripts/gpu-check/vitest.ts).
export const gpuCheckBundle = (entry: string[], outDir: string): Options => ({
  entry,
  outDir,
  format: 'esm',
  target: 'node20',
  splitting: true, // the runner must be one module for all test files
  clean: true,
  silent: true,
  noExternal: [/./],
  // Bundled CommonJS packages call `require` for what Node has built in.
  banner: {
    js: "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);",
  },
  esbuildOptions(options: { alias?: Record<string, string> | undefined }) {
    options.alias = { vitest: resolve('scripts/gpu-check/vitest.ts') }
  },
})

export default defineConfig(
  gpuCheckBundle(['scripts/gpu-check/main.ts', 'test/kernels/*.test.ts'], 'build/gpu-check'),
)
