/** Devices that `work` opens compute matrix products with our own kernels, also where cuBLASLt is at hand. */
export async function withOwnProducts<T>(work: () => Promise<T>): Promise<T> {
  const before = process.env['PATCHTRAIN_CUBLASLT']
  process.env['PATCHTRAIN_CUBLASLT'] = 'none'
  try {
    return await work()
  } finally {
    if (before === undefined) delete process.env['PATCHTRAIN_CUBLASLT']
    else process.env['PATCHTRAIN_CUBLASLT'] = before
  }
}
