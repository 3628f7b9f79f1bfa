/** The public API of patchtrain. What is not exported here is private. */
export { PatchTrainer, type CreateOptions } from './train/trainer.js'
export type { ResumeOptions } from './train/save.js'
export type { PrepareOptions, PrepareProgress } from './train/corpus.js'
export type * from './events.js'
export type { MemoryEntry, RunPlan, StagePlan } from './train/run-plan.js'

export { resolveConfig, defaults } from './config/resolve.js'
export { completeConfig, type DataFacts } from './config/complete.js'
export { formatConfig, loadConfig, type ConfigSources } from './config/load.js'
export { presets } from './config/presets.js'
export type { DraftConfig } from './config/draft.js'
export type { UserConfig } from './config/schema.js'
export type * from './config/types.js'

export { loadModel, type LoadModelOptions, type LoadedModel } from './eval/model.js'
export { evaluatePerplexity, type PerplexityOptions, type PerplexityResult } from './eval/perplexity.js'
export { generate, generateDefaults, type GenerateOptions, type Writer } from './eval/generate.js'
export { exportHuggingFace, type HuggingFaceExport } from './export/huggingface.js'

export { tokenizeCorpus, type TokenizeOptions, type TokenizeResult } from './data/tokenize-corpus.js'
export { loadTokenizer } from './data/tokenizer/load.js'
export type * from './data/tokenizer/tokenizer.js'

export { profileRun, type ProfileOptions, type ProfileProgress } from './train/profile.js'
export type { Floor, ProfiledOp, RunProfile, Spread, StepProfile } from './report/profile.js'
export { flamePicture } from './report/flame-picture.js'
export { lossPicture, type PicturedRun } from './report/loss-picture.js'
export { readMetrics, type MetricsLine } from './report/metrics.js'

export * from './errors.js'
