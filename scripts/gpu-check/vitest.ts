// What the kernel tests import instead of 'vitest' on a host that has none: vitest's own runner and expect, in a bundle.
// (vitest as a whole wants its worker processes, vite and esbuild's binary.)
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  chai,
  customMatchers,
  getState,
  GLOBAL_EXPECT,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  setState,
  type ExpectStatic,
} from '@vitest/expect'

export {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  it,
  onTestFailed,
  onTestFinished,
  suite,
  test,
} from '@vitest/runner'

chai.use(JestExtend)
chai.use(JestChaiExpect)
chai.use(JestAsymmetricMatchers)

/** As vitest makes it, without snapshots, polling and counting of assertions, which no kernel test uses. */
function createExpect(): ExpectStatic {
  const expect = ((value: unknown, message?: string) => chai.expect(value, message)) as ExpectStatic
  const globals = globalThis as unknown as Record<symbol, unknown>
  Object.assign(expect, chai.expect, globals[ASYMMETRIC_MATCHERS_OBJECT])
  expect.getState = () => getState(expect)
  expect.setState = (state) => setState(state, expect)
  setState({ assertionCalls: 0 }, expect)
  const extendable = chai.expect as unknown as { extend(target: ExpectStatic, matchers: object): void }
  extendable.extend(expect, customMatchers)
  Object.defineProperty(globalThis, GLOBAL_EXPECT, { value: expect, writable: true, configurable: true })
  return expect
}

export const expect = createExpect()
