// What the lanes of a warp do together: shuffles, votes, tensor cores.

/** `shfl.sync.bfly.b32 d|p, a, b, c, mask` */
function shfl(s) {
  s.need('sync')
  const mode = s.need('idx', 'up', 'down', 'bfly')
  const to = s.operand(0)
  const pair = to.kind === 'pair' ? to : { first: to, second: { kind: 'sink' } }
  const values = [s.get(1, 'u32'), s.get(2, 'u32'), s.get(3, 'u32'), s.get(4, 'u32')].join(', ')
  const first = s.set('got', { to: pair.first, type: 'u32' })
  const second = s.set('inside', { to: pair.second, type: 'pred' })
  return `{ bool inside; const uint32_t got = simt::ptx::shuffle_${mode}(${values}, inside); ${first} ${second} }`
}

function vote(s) {
  s.need('sync')
  const mode = s.need('all', 'any', 'uni', 'ballot')
  return s.set(`ptx::vote_${mode}(${s.predicate(1)}, ${s.get(2, 'u32')})`)
}

function ldmatrix(s) {
  for (const word of ['sync', 'aligned', 'm8n8']) s.need(word)
  const count = Number(s.need('x1', 'x2', 'x4').slice(1))
  const transposed = Boolean(s.take('trans'))
  s.need('shared', 'shared::cta')
  if (s.type !== 'b16') s.fail('elements of 16 bits')
  const elements = s.elements(0)
  const write = elements.map((to, i) => s.set(`got[${i}]`, { to, type: 'b32' }))
  const load = `simt::ptx::ldmatrix(got, ${count}, uint32_t(${s.address(1)}), ${transposed});`
  return `{ uint32_t got[${count}]; ${load} ${write.join(' ')} }`
}

function mma(s) {
  for (const word of ['sync', 'aligned', 'm16n8k16', 'row', 'col']) s.need(word)
  if (s.types.join('.') !== 'f32.bf16.bf16.f32') s.fail(`products of .${s.types.join('.')}`)
  const values = (n, type) => s.elements(n).map((element) => s.value(element, type))
  const inputs = [...values(1, 'b32'), ...values(2, 'b32'), ...values(3, 'f32')]
  const write = s.elements(0).map((to, i) => s.set(`sum.d[${i}]`, { to, type: 'f32' }))
  return `{ const auto sum = ptx::mma_16x8x16_bf16(${inputs.join(', ')}); ${write.join(' ')} }`
}

export const warp = { shfl, vote, ldmatrix, mma }
