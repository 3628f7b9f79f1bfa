// What a library written for browsers looks for and Node lacks.
import { resolveObjectURL } from 'node:buffer'
import { Worker as Thread } from 'node:worker_threads'

/**
 * Makes Node look like a browser on a machine with that many cores. With one thread there are no workers, so that all is
 * computed where it is asked for.
 */
export function beBrowser(threads: number): void {
  const navigator = { hardwareConcurrency: threads, userAgent: 'node' }
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true })
  if (threads > 1) Object.defineProperty(globalThis, 'Worker', { value: WebWorker, configurable: true })
}

type Listener = ((event: { data?: unknown; message?: string }) => void) | null

/** A web worker whose script is a blob, by a thread of Node. */
class WebWorker {
  onmessage: Listener = null
  onerror: Listener = null
  readonly #thread: Promise<Thread>

  constructor(url: string) {
    this.#thread = this.#start(url)
  }

  postMessage(message: unknown): void {
    void this.#thread.then((thread) => thread.postMessage(message))
  }

  async #start(url: string): Promise<Thread> {
    const script = await resolveObjectURL(url)!.text()
    const thread = new Thread(`${insideWorker}\n${script}`, { eval: true })
    thread.on('message', (data: unknown) => this.onmessage?.({ data }))
    thread.on('error', ({ message }) => this.onerror?.({ message }))
    return thread
  }
}

const insideWorker = `
const { parentPort } = require('node:worker_threads')
globalThis.self = globalThis
globalThis.postMessage = (message) => parentPort.postMessage(message)
parentPort.on('message', (data) => self.onmessage({ data }))`
