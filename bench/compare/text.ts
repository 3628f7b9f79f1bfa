import { table } from '../../lib/report/table.js'
import { percent, threadsText, time } from '../format.js'
import { mostOfOthers } from '../others.js'
import type { Comparison } from './compare.js'
import type { Verdict } from './verdict.js'

const worstFirst: readonly Verdict[] = ['slower', 'faster', 'noisy', 'same']

/** The rows by verdict, those that changed first. */
export function comparisonText({ rows, onlyBefore, onlyAfter, disturbed, ceilings }: Comparison): string {
  const change = (ratio: number) => `${ratio >= 1 ? '+' : '−'}${Math.abs(100 * (ratio - 1)).toFixed(1)} %`
  const sorted = [...rows].sort((a, b) => worstFirst.indexOf(a.verdict) - worstFirst.indexOf(b.verdict))
  const count = (verdict: Verdict) => `${rows.filter((row) => row.verdict === verdict).length} ${verdict}`
  const alone = [
    onlyBefore > 0 ? `${onlyBefore} only in the old report` : '',
    onlyAfter > 0 ? `${onlyAfter} only in the new one` : '',
  ].filter((text) => text !== '')
  return [
    ...disturbed.flatMap(([rounds, of], i) =>
      rounds === 0
        ? []
        : [
            `${rounds} of the ${of} rounds of the ${i === 0 ? 'old' : 'new'} report are not judged by: other processes had more ` +
              `than ${percent(mostOfOthers)} of the machine`,
          ],
    ),
    ...ceilings.map(
      ({ threads, clock, bandwidth }) =>
        `the machine since then, ${threadsText(threads)}: multiply-add ${change(clock)}, copy ${change(bandwidth)}`,
    ),
    table(
      [
        { title: 'verdict' },
        { title: 'row' },
        { title: 'threads', right: true },
        { title: 'old', right: true },
        { title: 'new', right: true },
        { title: 'time, at equal speed', right: true },
        { title: 'between' },
      ],
      sorted.map(({ row, before, after, ratio, low, high, verdict }) => [
        verdict,
        `${row.group} ${row.name} ${row.sizes}`,
        String(row.threads ?? '–'),
        time(before),
        time(after),
        `${ratio.toFixed(3)}×`,
        `${low.toFixed(3)} … ${high.toFixed(3)}`,
      ]),
    ),
    [...worstFirst.map(count), ...alone].join(', '),
  ].join('\n')
}
