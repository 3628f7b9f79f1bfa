import type { Jax, JaxArray, JaxArrays } from './jax-js-api.js'
import { jaxLoss, type JaxModel } from './jax-js-model.js'
import type { Prepared } from './prepared.js'
import type { OptimizerTask, Task } from './protocol.js'
import { readTensorFile } from './tensor-file.js'

/** Weights, and the first and second moments of their gradients. */
type State = [weights: JaxArrays, first: JaxArrays, second: JaxArrays]

/** A whole training step from the weights and tokens that ours wrote, in one jitted function. */
export function prepareJaxStep(jax: Jax, { dims, optimizer, inputs }: Task): Prepared['run'] {
  if (dims['K'] !== 1 || !optimizer) throw new Error('jax-js has only the step with K = 1')
  const { numpy: np } = jax
  const { ids, ...initial } = readTensorFile(inputs)
  const loss = jaxLoss(jax, dims as unknown as JaxModel, ids!.data as Int32Array)
  const matrices = new Set(Object.keys(initial).filter((name) => initial[name]!.shape.length > 1))
  const step = jax.jit(trainingStep(jax, loss, optimizer, matrices))
  const each = (make: (name: string) => JaxArray): JaxArrays =>
    Object.fromEntries(Object.keys(initial).map((name) => [name, make(name)]))
  const zeros = () => each((name) => np.zeros(initial[name]!.shape))
  let state: State = [
    each((name) => np.array(initial[name]!.data, { shape: initial[name]!.shape })),
    zeros(),
    zeros(),
  ]
  let updates = 0
  return async () => {
    updates++
    const corrections = optimizer.betas.map((beta) => 1 / (1 - beta ** updates))
    const [lossBefore, ...after] = step(state, np.array(new Float32Array(corrections), { shape: [2] }))
    state = after
    await jax.blockUntilReady(state)
    return (await lossBefore.data())[0]!
  }
}

/** AdamW as PyTorch has it, of gradients that are clipped as a whole. */
function trainingStep(
  { numpy: np, tree, valueAndGrad }: Jax,
  loss: (weights: JaxArrays) => JaxArray,
  { learningRate, betas, epsilon, weightDecay, gradientClip }: OptimizerTask,
  matrices: ReadonlySet<string>,
) {
  const blend = (old: JaxArray, fresh: JaxArray, beta: number) => old.mul(beta).add(fresh.mul(1 - beta))
  return ([weights, first, second]: State, corrections: JaxArray): [JaxArray, ...State] => {
    const [lossBefore, gradients] = valueAndGrad(loss)(tree.ref(weights))
    const squares = Object.values(gradients).map((g) => g.ref.mul(g.ref).sum())
    const norm = np.sqrt(squares.reduce((sum, x) => sum.add(x)))
    const scale = np.minimum(1, np.reciprocal(norm.add(1e-6)).mul(gradientClip))
    const [correctFirst, correctSecond] = np.split(corrections, 2, 0) as [JaxArray, JaxArray]
    const after: State = [{}, {}, {}]
    for (const name of Object.keys(weights)) {
      const gradient = gradients[name]!.mul(scale.ref)
      const m = blend(first[name]!, gradient.ref, betas[0])
      const v = blend(second[name]!, gradient.ref.mul(gradient), betas[1])
      const size = np.sqrt(v.ref.mul(correctSecond.ref)).add(epsilon)
      const change = m.ref.mul(correctFirst.ref).div(size).mul(learningRate)
      const decay = matrices.has(name) ? learningRate * weightDecay : 0
      after[0][name] = weights[name]!.mul(1 - decay).sub(change)
      after[1][name] = m
      after[2][name] = v
    }
    for (const spent of [scale, correctFirst, correctSecond]) spent.dispose()
    return [lossBefore, ...after]
  }
}
