// setp, selp, slct.

const ordered = { eq: '==', ne: '!=', lt: '<', le: '<=', gt: '>', ge: '>=' }
const unsignedNames = { lo: '<', ls: '<=', hi: '>', hs: '>=' }
const unordered = { equ: '==', neu: '!=', ltu: '<', leu: '<=', gtu: '>', geu: '>=' }
const comparisons = [...Object.keys({ ...ordered, ...unsignedNames, ...unordered }), 'num', 'nan']
const combinations = { and: '&', or: '|', xor: '^' }

/** On floats a comparison with a NaN is false; the forms with `u` make it true. */
function comparison(s) {
  const name = s.need(...comparisons)
  const flushed = s.take('ftz') && s.type === 'f32'
  const [a, b] = [s.get(1), s.get(2)].map((value) => (flushed ? `ptx::flush(${value})` : value))
  const eitherNan = `(std::isnan(${a}) || std::isnan(${b}))`
  if (name === 'num') return `!${eitherNan}`
  if (name === 'nan') return eitherNan
  if (unordered[name]) return `(${a} ${unordered[name]} ${b} || ${eitherNan})`
  const holds = `${a} ${ordered[name] ?? unsignedNames[name]} ${b}`
  return name === 'ne' && s.isFloat ? `(${holds} && !${eitherNan})` : `(${holds})`
}

/** `setp.lt.and.s32 p|q, a, b, c`: p = (a < b) and c, q = not (a < b) and c. */
function setp(s) {
  const combination = s.take(...Object.keys(combinations))
  const combine = (value) => (combination ? `${value} ${combinations[combination]} ${s.predicate(3)}` : value)
  const holds = comparison(s)
  const to = s.operand(0)
  if (to.kind !== 'pair') return s.set(combine(holds), { type: 'pred' })
  const first = s.set('first', { to: to.first, type: 'pred' })
  const second = s.set('second', { to: to.second, type: 'pred' })
  return `{ const bool first = ${combine(holds)}, second = ${combine(`!${holds}`)}; ${first} ${second} }`
}

const selp = (s) => s.set(`${s.predicate(3)} ? ${s.get(1)} : ${s.get(2)}`)

export const compare = { setp, selp }
