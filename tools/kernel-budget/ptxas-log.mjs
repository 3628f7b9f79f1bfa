// What `ptxas -v` says → { kernels, messages }.
//
//   kernels   Map of mangled name → { registers, stack, spills, shared, barriers }   bytes, but for the counts
//   messages  lines about code that ptxas had to change for the worse (C75xx: wgmma serialised, setmaxnreg ignored, …)

export function parsePtxasLog(log) {
  const kernels = new Map()
  const messages = []
  let kernel = null
  for (const line of log.split('\n')) {
    const entry = /Compiling entry function '([^']+)'/.exec(line)
    if (entry) kernels.set(entry[1], (kernel = { registers: 0, stack: 0, spills: 0, shared: 0, barriers: 0 }))
    if (/\bC75\d\d\b/.test(line)) messages.push(line.trim())
    if (kernel) readProperties(line, kernel)
  }
  return { kernels, messages }
}

/** Functions that a kernel calls are listed after it; what they spill counts as the kernel's. */
function readProperties(line, kernel) {
  const frame = /(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads/.exec(line)
  if (frame) {
    kernel.stack = Math.max(kernel.stack, Number(frame[1]))
    kernel.spills += Number(frame[2]) + Number(frame[3])
  }
  if (!/Used \d+ registers/.test(line)) return
  const value = (pattern) => Number(pattern.exec(line)?.[1] ?? 0)
  kernel.registers = value(/Used (\d+) registers/)
  kernel.barriers = value(/used (\d+) barriers/)
  kernel.shared = value(/(\d+) bytes smem/)
}
