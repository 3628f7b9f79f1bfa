import { loadAddon } from '../lib/native/load.js'

/** Fails once, with the loader's own diagnosis, instead of in every test. */
export default function setup(): void {
  loadAddon()
}
