/** Something that several rows use: made for the first that asks, and torn down once. */
export class Shared<T> {
  #made: Promise<T> | undefined

  constructor(
    private readonly make: () => Promise<T> | T,
    private readonly tearDown: (made: T) => Promise<void> | void,
  ) {}

  get(): Promise<T> {
    this.#made ??= Promise.resolve().then(this.make)
    return this.#made
  }

  async dispose(): Promise<void> {
    const made = this.#made
    this.#made = undefined
    if (made) await made.then(this.tearDown, () => undefined)
  }
}
