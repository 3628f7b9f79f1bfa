import { defineConfig } from 'tsup'

// The benchmarks run as plain scripts beside the package, against the sources in lib/: the command, and the processes of
// their own that it starts.
export default defineConfig({
  entry: [
    'bench/index.ts',
    'bench/around/load-process.ts',
    'bench/step/process.ts',
    'bench/peers/cpu/index.ts',
    'bench/peers/cpu/ours.ts',
    'bench/peers/cpu/jax-js.ts',
    'bench/gemm/index.ts',
  ],
  outDir: 'build/bench',
  format: 'esm',
  target: 'node20',
  clean: true,
  silent: true,
})
