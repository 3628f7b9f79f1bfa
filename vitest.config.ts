import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/setup.ts'],
    // The same tests on hosts with and without a GPU; those of the CUDA backend name their device.
    env: { PATCHTRAIN_DEVICE: 'cpu' },
    testTimeout: 60_000,
    // The kernels use every core themselves: more test processes than two only fight for them.
    maxWorkers: 2,
    typecheck: { enabled: true, include: ['test/**/*.test-d.ts'], tsconfig: './tsconfig.json' },
  },
})
