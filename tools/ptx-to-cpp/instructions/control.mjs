// Branches, calls and barriers.

const bra = (s) => {
  s.take('uni')
  return `goto ${s.label(0)};`
}

/** A jump through a table of labels. */
function brx(s) {
  s.need('idx')
  s.take('uni')
  const { labels } = s.scope.findAs('targets', s.operand(1).name)
  const cases = labels.map((label, i) => `case ${i}: goto ${s.scope.findAs('label', label).cpp};`)
  return `switch (${s.get(0, 'u32')}) { ${cases.join(' ')} default: ptx::trap("brx.idx beyond its table"); }`
}

/** `call.uni (result), name, (argument, …)`: parameters are bytes in memory, given by their addresses. */
function call(s) {
  s.take('uni')
  const lists = s.operands.filter((operand) => operand.kind === 'list')
  const [name, ...rest] = s.operands.filter((operand) => operand.kind === 'name')
  if (rest.length > 0) s.fail('a call through a pointer')
  const callee = s.scope.findAs('function', name.name)
  const bytes = lists.flatMap((list) => list.elements).map((parameter) => s.value(parameter, 'u64'))
  return `${callee.cpp}(${bytes.join(', ')});`
}

/** All threads of a block meet at the same barrier instruction: its line in the PTX names it. */
function bar(s) {
  if (s.take('warp')) {
    s.need('sync')
    return `simt::ptx::sync_warp(${s.get(0, 'u32')});`
  }
  s.take('cta')
  s.take('aligned')
  s.need('sync')
  if (s.operand(0).value !== 0n || s.operands.length > 1)
    s.fail('only barrier 0 of the whole block is supported')
  return `simt::ptx::sync_block(${s.line});`
}

const exit = (s) => (s.inEntry ? 'return;' : s.fail('exit inside a function'))

export const control = {
  bra,
  brx,
  call,
  bar,
  barrier: bar,
  ret: (s) => (s.take('uni'), 'return;'),
  exit,
  trap: () => 'ptx::trap("trap");',
}
