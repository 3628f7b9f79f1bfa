import fc from '../helpers/property.js'
import { dirname } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { DType, NativeDevice, OpSchema, SlotType, TensorArgument } from '../../lib/native/addon.js'
import { loadAddon } from '../../lib/native/load.js'
import { validCommands } from './valid-commands.js'

/*
 * Nothing that JavaScript passes may crash the process. These tests call the addon's raw surface, below the typed
 * layer, with everything JavaScript can make. A crash ends the test process and so fails the suite.
 */

const { addon, path } = loadAddon()
const device = new addon.Device({ kind: 'cpu', folder: dirname(path), level: '', threads: 2 })
afterAll(() => device.dispose())

const awkwardNumbers = [
  0,
  -0,
  -1,
  0.5,
  NaN,
  Infinity,
  -Infinity,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  -(2 ** 63),
  1e308,
  5e-324,
]
const detached = () => {
  const array = new Float32Array(4)
  structuredClone(array.buffer, { transfer: [array.buffer] })
  return array
}
const throwingProxy = () =>
  new Proxy(
    {},
    {
      get() {
        throw new Error('a getter that throws')
      },
      ownKeys() {
        throw new Error('keys that throw')
      },
    },
  )
const anything = fc.oneof(
  fc.anything({ withBigInt: true, withTypedArray: true, withSparseArray: true, withDate: true }),
  fc.constantFrom<unknown>(...awkwardNumbers, device, Symbol('s'), () => 1, addon.Device),
  fc.constant(null).map(detached),
  fc.constant(null).map(throwingProxy),
  fc.constant(null).map(() => Object.create(addon.Device.prototype) as unknown),
)

/** Calls that are allowed to throw and to reject, but not to crash or hang. */
async function survive(call: () => unknown): Promise<void> {
  try {
    await call()
  } catch (error) {
    expect(error).toBeDefined()
  }
}

function methodsOf(prototype: object): string[] {
  return Object.getOwnPropertyNames(prototype).filter((name) => name !== 'constructor')
}

/** Kept alive for the whole file: disposing of the shared device would end the test early, not hostilely. */
const deviceMethods = methodsOf(addon.Device.prototype).filter(
  (name) => name !== 'dispose' && name !== 'measureCeilings',
)

describe('the raw device', () => {
  it.each(deviceMethods)('%s survives any arguments', async (method) => {
    await fc.assert(
      fc.asyncProperty(fc.array(anything, { maxLength: 5 }), async (args) => {
        const call = (device as unknown as Record<string, (...args: unknown[]) => unknown>)[method]!
        await survive(() => call.apply(device, args))
      }),
      { numRuns: 300 },
    )
  })

  it.each(methodsOf(addon.Device.prototype))('%s survives any receiver', async (method) => {
    const call = (addon.Device.prototype as unknown as Record<string, (...args: unknown[]) => unknown>)[
      method
    ]!
    for (const receiver of [
      undefined,
      null,
      1,
      {},
      [],
      new Map(),
      Object.create(addon.Device.prototype),
      addon,
    ])
      await survive(() => call.call(receiver, 1, 1, 1, 1))
  })

  it('survives any construction', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(anything, fc.record({
            kind: fc.oneof(anything, fc.constantFrom('cpu', 'cuda')),
            folder: anything,
            level: anything,
            threads: fc.nat(4),
            index: anything,
            cublaslt: anything,
            emulator: anything,
          })),
        (options) =>
          survive(() =>
            new (addon.Device as unknown as new (options: unknown) => NativeDevice)(options).dispose(),
          ),
      ),
      { numRuns: 100 },
    )
  })

  it('refuses every call after dispose, and disposes twice', async () => {
    const gone = new addon.Device({ kind: 'cpu', folder: dirname(path), level: '', threads: 1 })
    const region = gone.allocate(64)
    const plan = gone.createPlan('x')
    const waiting = gone.run(plan)
    gone.dispose()
    gone.dispose()
    await survive(() => waiting)
    expect(() => gone.allocate(64)).toThrow(/disposed/)
    expect(() => gone.run(plan)).toThrow(/disposed/)
    expect(() => gone.read(region, 0, 4)).toThrow(/disposed/)
  })
})

describe('recording', () => {
  const slotBytes = 1 << 16
  const region = device.allocate(8 * slotBytes)

  const dimensions = fc.record({
    B: fc.integer({ min: 1, max: 3 }),
    T: fc.integer({ min: 1, max: 9 }),
    K: fc.integer({ min: 1, max: 4 }),
    C: fc.integer({ min: 1, max: 40 }),
    G: fc.integer({ min: 1, max: 2 }),
    group: fc.integer({ min: 1, max: 3 }),
    D: fc.integer({ min: 1, max: 10 }).map((n) => 2 * n),
    F: fc.integer({ min: 1, max: 20 }),
    V: fc.integer({ min: 1, max: 50 }),
  })

  const onCpu = (type: SlotType): DType => (type === 'compute' || type === 'compute_or_f32' ? 'f32' : type)

  function tensorsOf(op: OpSchema, shapes: Record<string, number[]>): Record<string, TensorArgument> {
    return Object.fromEntries(
      op.tensors.map(({ name, dtype }, i) => [
        name,
        { region, offset: i * slotBytes, dtype: onCpu(dtype), shape: shapes[name]! },
      ]),
    )
  }

  const awkwardBytes = fc.oneof(
    fc.uint8Array({ minLength: 64, maxLength: 256 }),
    fc.constantFrom(0x00, 0xff, 0x7f, 0x80).map((byte) => new Uint8Array(64).fill(byte)),
  )

  it.each(addon.ops().map((op) => [op.name, op] as const))(
    '%s runs on any bytes: to the end, or to a typed refusal of what it met',
    async (name, op) => {
      await fc.assert(
        fc.asyncProperty(dimensions, awkwardBytes, async (dims, bytes) => {
          const { shapes, params } = validCommands(dims)[name]!
          const memory = new Uint8Array(8 * slotBytes)
          for (let at = 0; at < memory.length; at += bytes.length)
            memory.set(bytes.subarray(0, memory.length - at), at)
          await device.write(region, 0, memory)
          const plan = device.createPlan(name)
          device.record(plan, name, tensorsOf(op, shapes), params)
          const failure = await device.run(plan).then(
            () => undefined,
            (error: Error & { code: string }) => error.code,
          )
          expect([undefined, 'ERR_OUT_OF_RANGE']).toContain(failure)
          device.freePlan(plan)
        }),
        { numRuns: 60 },
      )
    },
  )

  it.each(addon.ops().map((op) => [op.name, op] as const))(
    '%s survives one wrong thing in a valid command',
    async (name, op) => {
      const wrongField = fc.oneof(
        fc.record({
          field: fc.constant('shape'),
          value: fc.array(fc.oneof(fc.integer({ min: -2, max: 70 }), fc.constantFrom(...awkwardNumbers)), {
            maxLength: 5,
          }),
        }),
        fc.record({ field: fc.constantFrom('region', 'offset', 'dtype', 'shape'), value: anything }),
        fc.record({
          field: fc.constant('offset'),
          value: fc.oneof(fc.nat(8 * slotBytes), fc.constantFrom(...awkwardNumbers)),
        }),
        fc.record({ field: fc.constant('dtype'), value: fc.constantFrom('f32', 'f64', 'i32', 'bf16') }),
      )
      const wrongParam = fc.oneof(
        fc.integer({ min: -3, max: 70 }),
        fc.constantFrom(...awkwardNumbers),
        anything,
      )
      await fc.assert(
        fc.asyncProperty(
          dimensions,
          fc.nat(),
          fc.boolean(),
          wrongField,
          wrongParam,
          async (dims, pick, inParams, field, value) => {
            const command = validCommands(dims)[name]!
            const tensors: Record<string, object> = tensorsOf(op, command.shapes)
            const params: Record<string, unknown> = { ...command.params }
            if (inParams && op.params.length > 0) {
              params[op.params[pick % op.params.length]!.name] = value
            } else {
              const slot = op.tensors[pick % op.tensors.length]!.name
              tensors[slot] = { ...tensors[slot], [field.field]: field.value }
            }
            const plan = device.createPlan(name)
            try {
              device.record(plan, name, tensors as never, params as never)
            } catch (error) {
              expect(error).toBeDefined()
              device.freePlan(plan)
              return
            }
            await survive(() => device.run(plan))
            device.freePlan(plan)
          },
        ),
        { numRuns: 200 },
      )
    },
  )

  it('refuses a tensor of a freed region, and a plan keeps the region it was recorded with alive', async () => {
    const doomed = device.allocate(256)
    const y = { region: doomed, offset: 0, dtype: 'f32' as const, shape: [64] }
    const plan = device.createPlan('fill')
    device.record(plan, 'fill', { y }, { value: 1 })
    device.freeRegion(doomed)
    expect(() => device.record(plan, 'fill', { y }, { value: 1 })).toThrow(/freed/)
    await device.run(plan)
  })

  it('refuses overlapping, misaligned and oversized tensors by name', () => {
    const plan = device.createPlan('copy')
    const view = (offset: number, length: number) => ({
      region,
      offset,
      dtype: 'f32' as const,
      shape: [length],
    })
    const copy = (x: ReturnType<typeof view>, y: ReturnType<typeof view>) => () =>
      device.record(plan, 'copy', { x, y }, {})
    expect(copy(view(0, 8), view(16, 8))).toThrow(/'y' is written and overlaps 'x'/)
    expect(copy(view(2, 8), view(64, 8))).toThrow(/'x' starts at byte 2/)
    expect(copy(view(0, 200000), view(64, 8))).toThrow(/ends at byte 800000 of a region of 524288 bytes/)
    expect(() => device.record(plan, 'copy', { x: view(0, 8), y: view(64, 8), z: view(0, 1) }, {})).toThrow(
      /no tensor named 'z'/,
    )
    expect(() => device.record(plan, 'copi', {}, {})).toThrow(/no op named 'copi'/)
  })
})
