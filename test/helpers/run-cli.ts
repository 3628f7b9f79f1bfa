import { vi } from 'vitest'
import { runCli } from '../../lib/cli/program.js'

export interface CliResult {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs a command line in this process and gathers what it writes. Help goes through `console.log` (yargs). */
export async function runCommand(
  argv: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<CliResult> {
  const written = { out: '', err: '' }
  const stream = (to: 'out' | 'err') => ({
    write: (text: string | Uint8Array) => ((written[to] += String(text)), true),
  })
  const log = vi
    .spyOn(console, 'log')
    .mockImplementation((...parts) => void (written.out += `${parts.join(' ')}\n`))
  try {
    const code = await runCli(argv, { stdout: stream('out'), stderr: stream('err'), environment })
    return { code, ...written }
  } finally {
    log.mockRestore()
  }
}
