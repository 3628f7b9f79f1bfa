import type { Command } from './command.js'

export interface Verb {
  readonly name: string
  /** With its positional arguments, as yargs reads it. */
  readonly usage: string
  readonly summary: string
  load(): Promise<Command>
}

/** Every command, in the order of a project's life. Modules are loaded when used: `--help` must not wait for them. */
export const verbs: readonly Verb[] = [
  verb(
    'plan [config]',
    'Predict steps, tokens, compute, memory and cost; train nothing',
    async () => (await import('./commands/plan.js')).plan,
  ),
  verb(
    'train [config]',
    'Train a model; the run folder receives everything',
    async () => (await import('./commands/train.js')).train,
  ),
  verb(
    'resume <run>',
    'Go on with a run, bit for bit, from its newest checkpoint',
    async () => (await import('./commands/resume.js')).resume,
  ),
  verb(
    'tokenize <inputs..>',
    'Turn text files into token shards',
    async () => (await import('./commands/tokenize.js')).tokenize,
  ),
  verb(
    'eval <model>',
    'Perplexity and bits per byte on text files',
    async () => (await import('./commands/eval.js')).evaluate,
  ),
  verb(
    'generate <model> [prompt]',
    'Write text with a model',
    async () => (await import('./commands/generate.js')).generateText,
  ),
  verb('chat <model>', 'Talk with a model', async () => (await import('./commands/chat.js')).chat),
  verb(
    'export <model> <folder>',
    'Write a Hugging Face folder that transformers loads',
    async () => (await import('./commands/export.js')).exportModel,
  ),
  verb(
    'inspect <path>',
    'Show a run, checkpoint, token set, safetensors file or exported model',
    async () => (await import('./commands/inspect.js')).inspect,
  ),
  verb(
    'report <runs..>',
    'Draw the losses of runs over text and compute, and compare their ends',
    async () => (await import('./commands/report.js')).report,
  ),
  verb(
    'doctor',
    'Check whether this host can train, and say what to do if not',
    async () => (await import('./commands/doctor.js')).doctor,
  ),
]

function verb(usage: string, summary: string, load: () => Promise<Command>): Verb {
  return { name: usage.split(' ')[0]!, usage, summary, load }
}
