// A parsed module → the text of a C++ file.
import { fileURLToPath } from 'node:url'
import { functionName, signature, translateFunction } from './function.mjs'
import { Scope } from './scope.mjs'
import { registerType } from './types.mjs'

const semantics = fileURLToPath(new URL('semantics/semantics.h', import.meta.url))

/** → { text, kernels, problems }. `outPath` is only named in the text, for errors of the C++ compiler. */
export function translateModule(module, outPath) {
  const problems = []
  const globals = new Scope()
  const lines = [
    '// Written by tools/ptx-to-cpp.',
    `#include "${semantics}"`,
    '',
    'namespace {',
    ...module.variables.flatMap((variable) => globalVariable(variable, globals, problems)),
    '}',
  ]
  for (const definition of module.functions) {
    globals.declare(definition.name, { kind: 'function', cpp: functionName(definition) })
    lines.push(`${signature(definition)};`)
  }
  for (const definition of module.functions) {
    lines.push('', ...translateFunction(definition, module, globals, problems))
    lines.push(`#line ${lines.length + 2} ${JSON.stringify(outPath)}`)
  }
  const kernels = module.functions.filter(({ entry }) => entry)
  lines.push('', 'namespace {')
  for (const kernel of kernels) {
    const call = `simt::register_ptx("${kernel.name}", ${functionName(kernel)})`
    lines.push(`[[maybe_unused]] const bool registered$${kernel.name} = ${call};`)
  }
  lines.push('}', '')
  return { text: lines.join('\n'), kernels: kernels.length, problems }
}

function globalVariable({ space, name, align, type, count, init, extern }, globals, problems) {
  if (space === 'shared') {
    if (!extern || count > 0)
      problems.push({
        where: name,
        line: 0,
        what: '.shared',
        message: 'only dynamic shared memory is supported (PT_SHARED)',
      })
    globals.declare(name, { kind: 'symbol', space, cpp: 'simt::ptx::shared_base()' })
    return []
  }
  globals.declare(name, { kind: 'symbol', space, cpp: `reinterpret_cast<uint64_t>(global$${name})` })
  const values = (init ?? []).map(
    ({ bits, value }) => `0x${(bits ?? BigInt.asUintN(64, value)).toString(16)}u`,
  )
  const held = registerType(type)
  const cast = values.map((value) => `${held}(${value})`).join(', ')
  return [
    `alignas(${align}) ${space === 'const' ? 'const ' : ''}${held} global$${name}[${count}] = {${cast}};`,
  ]
}
