import { defineConfig } from 'tsup'

// The benchmarks run as plain scripts beside the package, against the sources in lib/: the command, and the processes of
// their own that it starts.
export default defineConfig({
  entry: {
    index: 'bench/index.ts',
    'around/load-process': 'bench/around/load-process.ts',
    'step/process': 'bench/step/process.ts',
    'peers/cpu/index': 'bench/peers/cpu/index.ts',
    'peers/cpu/ours': 'bench/peers/cpu/ours.ts',
    'peers/cpu/jax-js': 'bench/peers/cpu/jax-js.ts',
    'gemm/index': 'bench/gemm/index.ts',
    'checkpoint-writer': 'lib/checkpoint/writer-main.ts', // looked for beside the code that saves
  },
  outDir: 'build/bench',
  format: 'esm',
  target: 'node20',
  clean: true,
  silent: true,
})
