// Runs pieces of PTX as C++: translates them, compiles the result and executes it on the host, without the emulator.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

export const root = join(import.meta.dirname, '..', '..')

export interface PtxCase {
  /** Reads %d0, %d1, … (the same bits are in %r0, … and %h0, …) and leaves its results in the registers of `out`. */
  code: string
  in: (number | bigint)[]
  /** Register → its bits. */
  out: Record<string, number | bigint>
  /** What stands before the kernel at the level of the module. */
  module?: string
}

const kInputs = 6

/** %h 16 bits, %r 32, %d 64, %p predicates; `out` in the order of the case. */
function kernelText(name: string, { code, out, module = '' }: PtxCase): string {
  const inputs = Array.from({ length: kInputs }, (_, i) => [
    `ld.global.b64 %d${i}, [%in+${8 * i}];`,
    `cvt.u32.u64 %r${i}, %d${i};`,
    `cvt.u16.u64 %h${i}, %d${i};`,
  ])
  const outputs = Object.keys(out).map((register, i) => {
    const kind = register[1] // %h7 → h
    const widen = { h: 'cvt.u64.u16', r: 'cvt.u64.u32', d: 'mov.b64', f: 'mov.b64' }[kind!]
    const move = kind === 'p' ? `selp.b64 %d15, 1, 0, ${register};` : `${widen} %d15, ${register};`
    return `${move} st.global.b64 [%out+${8 * i}], %d15;`
  })
  return `
${module}
.visible .entry ${name}(.param .u64 ${name}_in, .param .u64 ${name}_out)
{
  .reg .b16 %h<16>; .reg .b32 %r<16>; .reg .b64 %d<16>; .reg .pred %p<8>; .reg .b64 %in, %out;
  ld.param.u64 %in, [${name}_in]; ld.param.u64 %out, [${name}_out];
  ${inputs.flat().join('\n  ')}
  ${code}
  ${outputs.join('\n  ')}
  ret;
}`
}

const header = '.version 9.0\n.target sm_80\n.address_size 64\n'

/** Registers kernels in a list and calls the one that is asked for; a shuffle gives the number of the lane it reads. */
const driver = `
#include "simt/ptx_runtime.h"
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
static std::map<std::string, void (*)(const void* const*)>& kernels() { static std::map<std::string, void (*)(const void* const*)> k; return k; }
namespace simt {
bool register_ptx(const char* name, void (*kernel)(const void* const*)) { kernels()[name] = kernel; return true; }
void report_misaligned(const void*, size_t bytes) { std::printf("misaligned %zu\\n", bytes); std::exit(0); }
void report(const char* kind, const char*, ...) { std::printf("%s\\n", kind); std::exit(0); }
namespace ptx { void atomic_access(const void*, size_t) {} }
}
int main(int, char** arguments) {
  uint64_t in[${kInputs}] = {}, out[16] = {};
  const char* name = arguments[1];
  for (int i = 0; arguments[2 + i]; i++) in[i] = std::strtoull(arguments[2 + i], nullptr, 0);
  const void *in_pointer = in, *out_pointer = out;
  const void* pointers[] = {&in_pointer, &out_pointer};
  kernels().at(name)(pointers);
  for (uint64_t value : out) std::printf("%llu ", static_cast<unsigned long long>(value));
}
`

/** An empty folder that goes when the tests of the file have ended. */
export function folderOfFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'patchtrain-test-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function translate(ptx: string, folder: string) {
  const [from, to] = [join(folder, 'in.ptx'), join(folder, 'out.cc')]
  writeFileSync(from, ptx)
  const run = spawnSync('node', [join(root, 'tools', 'ptx-to-cpp', 'main.mjs'), from, to], {
    encoding: 'utf8',
  })
  return {
    status: run.status,
    errors: run.stderr,
    cpp: run.status === 0 ? readFileSync(to, 'utf8') : '',
    path: to,
  }
}

/** Builds all cases into one program; the function it gives runs one of them. */
export function buildCases(
  cases: Record<string, PtxCase>,
  folder: string,
): (name: string) => bigint[] | string {
  const names = new Map(Object.keys(cases).map((name, i) => [name, `case_${i}`]))
  const kernels = Object.entries(cases).map(([name, one]) => kernelText(names.get(name)!, one))
  const translated = translate(header + kernels.join('\n'), folder)
  if (translated.status !== 0) throw new Error(translated.errors)
  writeFileSync(join(folder, 'driver.cc'), driver)
  const flags = ['-std=c++17', '-O1', '-ffp-contract=off', '-w', '-I', join(root, 'native')]
  const program = join(folder, 'program')
  const built = spawnSync('g++', [...flags, translated.path, join(folder, 'driver.cc'), '-o', program], {
    encoding: 'utf8',
  })
  if (built.status !== 0) throw new Error(built.stderr)
  return (name) => {
    const inputs = cases[name]!.in.map((value) => String(BigInt.asUintN(64, BigInt(value))))
    const { stdout, signal } = spawnSync(program, [names.get(name)!, ...inputs], { encoding: 'utf8' })
    if (signal) return signal
    if (!/^\d/.test(stdout)) return stdout.trim()
    return stdout.trim().split(' ').slice(0, Object.keys(cases[name]!.out).length).map(BigInt)
  }
}

/** One kernel around some code, to see what the translator says of it. */
export const moduleOf = (code: string, module = '') =>
  header + kernelText('kernel', { code, in: [], out: {}, module })

export function f32(value: number): number {
  return new Uint32Array(new Float32Array([value]).buffer)[0]!
}
export function f64(value: number): bigint {
  return new BigUint64Array(new Float64Array([value]).buffer)[0]!
}
