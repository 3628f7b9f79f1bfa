import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { describe, expect, it } from 'vitest'
import { environmentVariables } from '../../lib/config/environment.js'
import { readConfigFile } from '../../lib/config/load.js'
import { presets } from '../../lib/config/presets.js'
import { resolveConfig } from '../../lib/config/resolve.js'
import { configSchema, type UserConfig } from '../../lib/config/schema.js'

const root = join(import.meta.dirname, '..', '..')
const page = readFileSync(join(root, 'docs', 'configuration.md'), 'utf8')

describe('docs/configuration.md', () => {
  it('has examples that work', () => {
    const [smallest, ladder] = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(
      (match) => parse(match[1]!) as object,
    )
    expect(resolveConfig(smallest as UserConfig).stages).toHaveLength(2)
    const { schedule: _, ...rest } = smallest as UserConfig
    expect(resolveConfig({ ...rest, ...ladder }).stages.map((stage) => stage.patchSize)).toEqual([8, 4, 1])
  })

  it('names every key', () => {
    const keys = (schema: unknown): string[] => {
      const {
        properties = {},
        items,
        anyOf = [],
      } = schema as { properties?: object; items?: unknown; anyOf?: unknown[] }
      const nested = [...Object.values(properties), ...(items ? [items] : []), ...anyOf].flatMap(keys)
      return [...Object.keys(properties), ...nested]
    }
    const all = new Set(keys(configSchema.toJSONSchema({ io: 'input' })))
    expect(all.size).toBeGreaterThan(50)
    for (const key of all) expect(page, key).toMatch(new RegExp(`\\b${key}\\b`))
    for (const name of Object.keys(environmentVariables)) expect(page).toContain(name)
  })

  it('shows the presets as they are', () => {
    for (const [name, { width, feedForward, layers, heads }] of Object.entries(presets)) {
      const numbers = [width, feedForward, layers, heads, width / heads].join(' *\\| *')
      expect(page).toMatch(new RegExp(`\`${name.replace('.', '\\.')}\` *\\| *${numbers} `))
    }
  })
})

describe('the configurations that are shipped', () => {
  it.each(readdirSync(join(root, 'configs')))('%s resolves', (name) => {
    expect(
      resolveConfig(readConfigFile(join(root, 'configs', name)) as UserConfig).stages.length,
    ).toBeGreaterThan(0)
  })
})
