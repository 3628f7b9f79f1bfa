import { threadsText, time } from '../../format.js'
import { levelOf, type PeersReport } from './report.js'
import { compare } from './summary.js'

/** For a terminal. */
export function peersTable(report: PeersReport): string {
  const { machine, torch, held } = report
  return [
    `${machine.cpu}, ${machine.cores} cores · patchtrain ${report.patchtrain} (${levelOf(report.rows) ?? 'no level'}) · node ${machine.node} · torch ${torch.version}`,
    ...(held ? [held] : []),
    ...torch.settings,
    '',
    ...report.rows.flatMap(rowLines),
  ].join('\n')
}

function rowLines({
  name,
  threads,
  tokens,
  contenders,
  foreignCores = 0,
}: PeersReport['rows'][number]): string[] {
  const lines = compare(contenders).map((one, i) => {
    const { seconds, ratio, difference, failure } = one
    const memory = contenders[i]!.memory
    const cells = [
      one.name.padEnd(25),
      seconds ? `${time(seconds.median).padStart(10)}, best ${time(seconds.best).padStart(10)}` : '',
      seconds && tokens ? `${(tokens / seconds.median).toFixed(0).padStart(7)} tokens/s` : '',
      seconds && memory && tokens ? `${(memory.peakBytes / 2 ** 20).toFixed(0).padStart(6)} MiB` : '',
      ratio ? `ours ${ratio.median.toFixed(2)}× (${ratio.low.toFixed(2)} … ${ratio.high.toFixed(2)})` : '',
      ratio ? `off by ${difference!.toExponential(1)}` : '',
      failure ?? '',
    ]
    return `  ${cells.filter((cell) => cell !== '').join('  ')}`
  })
  const disturbed = foreignCores >= 0.05 ? ` (others kept ${foreignCores.toFixed(1)} cores busy)` : ''
  return [`${name}, ${threadsText(threads)}${disturbed}`, ...lines]
}
