// Holding every contender to older instructions shows what a CPU without the newer ones would.

export type Instructions = keyof typeof held

const held = {
  avx2: {
    // Ours, MKL, oneDNN. Not ATEN_CPU_CAPABILITY: with it, what torch.compile 2.13 generates gives NaN from the second step on.
    variables: { PATCHTRAIN_CPU_LEVEL: 'avx2', MKL_ENABLE_INSTRUCTIONS: 'AVX2', ONEDNN_MAX_CPU_ISA: 'AVX2' },
    note: 'ours, MKL and oneDNN are held to AVX2; loops that PyTorch compiled itself keep what the CPU has',
  },
} as const

export function isInstructions(text: string): text is Instructions {
  return Object.hasOwn(held, text)
}

/** For this process and all contenders that it starts from now on. @returns what to tell people */
export function holdTo(instructions: Instructions): string {
  Object.assign(process.env, held[instructions].variables)
  return held[instructions].note
}
