import { generateDefaults, type GenerateOptions } from '../generate/options.js'

/** Flags of every command that writes text. */
export const generationFlags = {
  'max-tokens': { type: 'number', default: generateDefaults.maxTokens, describe: 'Tokens to write at most' },
  temperature: {
    type: 'number',
    default: generateDefaults.temperature,
    describe: '0: always the likeliest token',
  },
  'top-p': {
    type: 'number',
    default: generateDefaults.topP,
    describe: 'Draw from the likeliest tokens of this mass',
  },
  'top-k': {
    type: 'number',
    default: generateDefaults.topK,
    describe: 'Draw from this many tokens; 0: from all',
  },
  'repetition-penalty': {
    type: 'number',
    default: generateDefaults.repetitionPenalty,
    describe: 'Above 1: tokens the text has already become less likely',
  },
  stop: {
    type: 'string',
    array: true,
    describe: 'The text ends before this string; \\n is a new line. May be given more than once',
  },
  seed: { type: 'number', default: generateDefaults.seed, describe: 'The same seed gives the same text' },
} as const

interface GenerationArguments {
  readonly 'max-tokens': number
  readonly temperature: number
  readonly 'top-p': number
  readonly 'top-k': number
  readonly 'repetition-penalty': number
  readonly stop: readonly string[] | undefined
  readonly seed: number
}

export function generationOptions(args: GenerationArguments): Omit<GenerateOptions, 'signal' | 'batchSize'> {
  return {
    maxTokens: args['max-tokens'],
    temperature: args.temperature,
    topP: args['top-p'],
    topK: args['top-k'],
    repetitionPenalty: args['repetition-penalty'],
    seed: args.seed,
    ...(args.stop && { stop: args.stop.map(unescaped) }),
  }
}

/** Shells pass `\n` on as two characters. */
export function unescaped(text: string): string {
  return text.replace(/\\([nt\\])/g, (_, letter: string) => ({ n: '\n', t: '\t' })[letter] ?? '\\')
}
