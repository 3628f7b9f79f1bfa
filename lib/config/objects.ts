/** Freezes a tree of plain objects and arrays, and returns it. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    Object.values(value).forEach(deepFreeze)
  }
  return value
}

export type Given<T> = { [P in keyof T]?: Exclude<T[P], undefined> }

/** The entries that are not undefined, so that a spread over defaults does not erase them. */
export function given<T extends object>(object: T | undefined): Given<T> {
  const entries = Object.entries(object ?? {}).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as Given<T>
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
