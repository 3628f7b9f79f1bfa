// The measured kernels as a table.

const columns = [
  ['kernel', ({ name }) => name.replace(/^pt::cuda::/, '')],
  ['arch', ({ arch }) => arch],
  ['regs', ({ registers }) => registers],
  ['spills', ({ spills }) => spills],
  ['stack', ({ stack }) => stack],
  ['mma', ({ mma }) => mma],
  ['ldmatrix', ({ ldmatrix }) => ldmatrix],
  ['cp.async', ({ cpAsync }) => cpAsync],
  ['verdict', ({ problems }) => (problems.length === 0 ? 'ok' : 'FAILED')],
]

export function formatTable(kernels) {
  const rows = [
    columns.map(([title]) => title),
    ...kernels.map((kernel) => columns.map(([, of]) => String(of(kernel)))),
  ]
  const widths = columns.map((_, c) => Math.max(...rows.map((row) => row[c].length)))
  const pad = (text, c) =>
    c < 2 || c === columns.length - 1 ? text.padEnd(widths[c]) : text.padStart(widths[c])
  return rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n')
}
