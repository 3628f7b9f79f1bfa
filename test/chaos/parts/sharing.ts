import { join } from 'node:path'
import type { Bench, Finding, Part } from '../case.js'
import type { Child, Ended } from '../child.js'
import { compare, exitOf, finish, goOn } from '../drive.js'
import { trainArguments } from '../lab.js'

/** Two processes on one run folder: the second refuses, the first does not notice; a dead one does not count. */
export const sharing: Part = {
  name: 'sharing',
  title: 'two processes on one run folder',
  cases: () => [
    { name: 'sharing/second', run: second },
    { name: 'sharing/at once', run: atOnce },
    { name: 'sharing/dead holder', run: deadHolder },
  ],
}

/** A run that stands still after step 20. */
function pausedRun({ lab }: Bench, out: string): Promise<Child> {
  return new Promise((done) => {
    goOn(lab, out, {
      onEvent: (event, child) => {
        if (event.type !== 'step' || event.step !== 20) return
        child.send('SIGSTOP')
        done(child)
      },
    })
  })
}

function refused(ended: Ended, what: string): string[] {
  if (ended.code === 2 && /is in use by process \d+ on /.test(ended.err)) return []
  return [`${what} exited with ${exitOf(ended)}: ${ended.err}`]
}

async function second(bench: Bench): Promise<Finding> {
  const { lab, folder } = bench
  const out = join(folder, 'run')
  const first = await pausedRun(bench, out)
  const resumed = await lab.children.start(['resume', out, '--json']).ended
  const replaced = await lab.children.start(trainArguments(lab.config, out, ['--overwrite'])).ended
  first.send('SIGCONT')
  const ended = await first.ended
  const problems = [...refused(resumed, 'a second resume'), ...refused(replaced, 'a second train')]
  if (ended.code !== 0) problems.push(`the first exited with ${exitOf(ended)}: ${ended.err}`)
  return { problems: [...problems, ...(await compare(lab, out))], interruptions: 2 }
}

/** Three that begin the same run together: one trains, the others change nothing. */
async function atOnce({ lab, folder }: Bench): Promise<Finding> {
  const out = join(folder, 'run')
  const started = Array.from({ length: 3 }, () => lab.children.start(trainArguments(lab.config, out)))
  const ended = await Promise.all(started.map((child) => child.ended))
  const codes = ended.map(exitOf).sort()
  const problems = codes.join() === '0,2,2' ? [] : [`they exited with ${codes.join(', ')}`]
  return { problems: [...problems, ...(await compare(lab, out))], interruptions: 2 }
}

async function deadHolder(bench: Bench): Promise<Finding> {
  const out = join(bench.folder, 'run')
  const first = await pausedRun(bench, out)
  first.send('SIGKILL')
  await first.ended
  return { problems: await finish(bench.lab, out), interruptions: 1 }
}
