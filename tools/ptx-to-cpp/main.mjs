// Translates PTX, as nvcc writes it, into C++ for the emulator.
// usage: node tools/ptx-to-cpp/main.mjs in.ptx out.cc
import { readFileSync, writeFileSync } from 'node:fs'
import { PtxError } from './lexer.mjs'
import { translateModule } from './module.mjs'
import { parse } from './parser.mjs'

const kShown = 20

function fail(lines) {
  for (const line of lines) console.error(line)
  process.exit(1)
}

const [from, to] = process.argv.slice(2)
if (!from || !to) fail(['usage: node tools/ptx-to-cpp/main.mjs in.ptx out.cc'])

let made
try {
  made = translateModule(parse(readFileSync(from, 'utf8')), to)
} catch (error) {
  if (!(error instanceof PtxError)) throw error
  fail([`${from}: ${error.message}`])
}

if (made.problems.length > 0) {
  const told = made.problems.slice(0, kShown)
  fail([
    ...told.map(({ where, line, what, message }) => `${from}:${line}: ${what} in ${where}: ${message}`),
    ...(made.problems.length > kShown ? [`… and ${made.problems.length - kShown} more`] : []),
    `${from} was not translated. Teach the instruction to tools/ptx-to-cpp/instructions, or keep the kernel from using it.`,
  ])
}
writeFileSync(to, made.text)
