#!/usr/bin/env node
import type { EventEmitter } from 'node:events'
import { runCli } from './program.js'
import { stdoutGone } from './signals.js'

const events: EventEmitter = process

// A training run listens, and saves and stops. For all else a reader that closes the pipe early (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (events.emit(stdoutGone)) return
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})
// What is said to a person may go nowhere: a closed terminal, a `tee` that went with Ctrl+C. That must not end a run.
process.stderr.on('error', () => {})

process.exitCode = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
})
