import { describe, expect, it } from 'vitest'
import { verbs } from '../../lib/cli/verbs.js'
import { runCommand } from '../helpers/run-cli.js'

describe('help', () => {
  it('lists every command, on stdout, and exits with 0', async () => {
    const { code, out, err } = await runCommand(['--help'])
    expect(code).toBe(0)
    expect(err).toBe('')
    for (const { usage } of verbs) expect(out).toContain(`patchtrain ${usage}`)
  })

  it.each(verbs.map((verb) => verb.name))('%s --help shows flags and examples', async (name) => {
    const { code, out } = await runCommand([name, '--help'])
    expect(code).toBe(0)
    expect(out).toContain('Examples:')
    expect(out).toContain(`patchtrain ${name}`)
    expect(out).toContain('--quiet')
  })

  it('without a command goes to stderr and exits with 2', async () => {
    const { code, out, err } = await runCommand([])
    expect(code).toBe(2)
    expect(out).toBe('')
    expect(err).toContain('Commands:')
  })

  it('--version prints the version alone', async () => {
    expect((await runCommand(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

describe('a wrong command line exits with 2, says what is wrong and what was meant', () => {
  it.each([
    [['trian'], /no command 'trian'\. Did you mean train\?/],
    [['train', '--total-step', '3'], /no flag --total-step\. Did you mean --total-steps\?/],
    [['train', '--totalStep=3'], /no flag --totalStep\./],
    [['train', 'a.yaml', 'b.yaml'], /'b\.yaml' is one argument too many: patchtrain train \[config\]/],
    [['train', '--total-steps', 'many'], /--total-steps takes a number/],
    [['train', '--seed', '1', '--seed', '2'], /--seed is given 2 times/],
    [['train', '--recipe', 'pach'], /recipe.*"pach"/s],
    [['train', '--set', 'seed'], /--set seed is no path=value/],
    [['train', '--set', '__proto__.x=1'], /no path=value/],
    [['tokenize', 'a.txt'], /tokenize needs --out/],
    [['resume'], /argument is missing: patchtrain resume <run>/],
    [['train', 'missing.yaml'], /missing\.yaml: it does not exist/],
    [
      [
        'train',
        '--model',
        '3n',
        '--data',
        'a',
        '--total-steps',
        '9',
        '--batch-tokens',
        '512',
        '--context',
        '64',
      ],
      /Did you mean '3m'\?/,
    ],
    [
      [
        'train',
        '--model',
        '3m',
        '--data',
        'a',
        '--total-steps',
        '9',
        '--batch-tokens',
        '100',
        '--context',
        '64',
      ],
      /Nearest valid: 256\./,
    ],
  ])('%j', async (argv, message) => {
    const { code, out, err } = await runCommand(argv)
    expect(err).toMatch(message)
    expect(out).toBe('')
    expect(code).toBe(2)
  })
})

describe('colour', () => {
  it('stays out of pipes, and comes with --color', async () => {
    expect((await runCommand(['trian'])).err).not.toContain('\x1b[')
    expect((await runCommand(['trian'], { FORCE_COLOR: '1' })).err).toContain('\x1b[')
  })
})
