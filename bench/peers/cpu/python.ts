import { spawnSync } from 'node:child_process'

export interface Python {
  readonly path: string
  readonly torch: string
  readonly python: string
}

const howToGetTorch = `This needs a Python with PyTorch 2. To get one:

    python3 -m venv torch-venv
    torch-venv/bin/pip install torch --index-url https://download.pytorch.org/whl/cpu
    npm run bench:peers -- --python torch-venv/bin/python`

const probe = 'import json, sys, torch; print(json.dumps([torch.__version__, sys.version.split()[0]]))'

/**
 * The Python that was named, else $PYTHON, else python3.
 * @throws {Error} with what was tried and how to get a Python that serves
 */
export function findPython(named: string | undefined): Python {
  const path = named ?? process.env['PYTHON'] ?? 'python3'
  const { stdout, stderr, error } = spawnSync(path, ['-c', probe], { encoding: 'utf8' })
  const reason = error ? error.message : (stderr ?? '').trim().split('\n').at(-1)
  let versions: unknown
  try {
    versions = JSON.parse(stdout ?? '')
  } catch {
    throw new Error(`${path} has no PyTorch: ${reason}\n\n${howToGetTorch}`)
  }
  const [torch, python] = versions as [string, string]
  return { path, torch, python }
}
