// Builds the native addon into build/Release: with CMake, or with node-gyp where CMake is missing.
// usage: node scripts/build-native.mjs [--CDPATCHTRAIN_SANITIZE=ON …]   (further arguments go to cmake-js)
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const require = createRequire(import.meta.url)

function has(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0
}

function run(command, args) {
  // The compilers' chatter is only worth showing when something failed.
  const parallel = String(availableParallelism())
  const env = { CMAKE_BUILD_PARALLEL_LEVEL: parallel, JOBS: parallel, ...process.env } // for CMake, for node-gyp
  const result = spawnSync(command, args, { cwd: root, env, encoding: 'utf8', maxBuffer: 1 << 28 })
  if (result.status === 0) return
  process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}${result.error ?? ''}\n`)
  process.stderr.write(`The native build failed: ${command} ${args.join(' ')}\n`)
  process.exit(1)
}

if (!has('c++') && !has('g++') && !has('clang++')) {
  console.error(
    'Building patchtrain needs a C++17 compiler. On Debian or Ubuntu: sudo apt install g++ cmake make',
  )
  process.exit(1)
}

const cuda = has('nvcc') && !process.argv.includes('--CDPATCHTRAIN_CUDA=OFF')
console.error(
  `building the native addon (about ${cuda ? 'two minutes, CUDA kernels included' : 'a minute'}) …`,
)
const started = Date.now()
if (has('cmake')) {
  run(process.execPath, [require.resolve('cmake-js/bin/cmake-js'), 'compile', ...process.argv.slice(2)])
} else {
  console.error('CMake was not found; trying node-gyp, which needs python3 and make.')
  run('node-gyp', ['rebuild']) // npm puts its own on the path of scripts
}
console.error(
  `built ${join('build', 'Release', 'patchtrain.node')} in ${Math.round((Date.now() - started) / 1000)} s`,
)
