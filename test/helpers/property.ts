import fc from 'fast-check'

/*
 * Property tests draw the same cases in every run, so that a commit passes or fails for what it holds, not by luck.
 * New cases: PATCHTRAIN_TEST_SEED=N, or `random`; a failure prints the seed that repeats it.
 */
const wanted = process.env.PATCHTRAIN_TEST_SEED ?? '1'

if (wanted !== 'random') {
  if (!/^\d{1,9}$/.test(wanted))
    throw new Error(`PATCHTRAIN_TEST_SEED is "${wanted}". Use a whole number below 1e9, or "random".`)
  fc.configureGlobal({ seed: Number(wanted) })
}

export default fc
