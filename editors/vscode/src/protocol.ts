/**
 * Names and shapes of what the server and the extension say to each other beyond plain LSP, and the checks that
 * a message from outside passes before anything uses it. Must not know the editor.
 */

export type RunKind = 'masked' | 'changed' | 'committed';
export type FrameState = 'denoising' | 'final' | 'cancelled';
export type StatusKind = 'Normal' | 'Warning' | 'Error' | 'Inactive';

/** Zero-based; `character` counts UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly character: number;
}

export interface Range {
  readonly start: Position;
  readonly end: Position;
}

/** Neighbouring positions of the span in the same state. */
export interface Run {
  /** Decoded text; for a masked run a guess, or empty. */
  readonly text: string;
  readonly kind: RunKind;
  /** In [0, 1]. */
  readonly confidence: number;
}

/** The whole span after one denoise step. The latest replaces all earlier ones. */
export interface Frame {
  readonly session: string;
  readonly uri: string;
  /** Document version that the request was made from. */
  readonly version: number;
  /** Where the request was made. */
  readonly position: Position;
  /** Rises by one per frame of a session. */
  readonly seq: number;
  readonly step: number;
  /** How many are expected. */
  readonly steps: number | undefined;
  readonly state: FrameState;
  readonly runs: readonly Run[];
}

/** All holes of a fill after one step. */
export interface FillFrame {
  /** As the request has it. */
  readonly token: string;
  readonly seq: number;
  readonly holes: readonly { readonly range: Range; readonly runs: readonly Run[] }[];
}

/** One hole that was filled. */
export interface Filled {
  readonly range: Range;
  readonly newText: string;
}

/** Other texts for a range, the best first. */
export interface Rewritten {
  readonly range: Range;
  readonly texts: readonly string[];
}

/** What the editor knows of itself, and the text does not tell; goes along with a request for ghost text. */
export interface Circumstances {
  readonly selection: boolean;
  readonly readOnly: boolean;
}

/** `params` of a request for ghost text, with what else the server is told. */
export function withCircumstances<T extends { readonly context: object }>(params: T, quicksilver: Circumstances): T {
  return { ...params, context: { ...params.context, quicksilver } };
}

/** What the server tells the user: above all why nothing shows. */
export interface ServerStatus {
  readonly busy: boolean;
  readonly kind: StatusKind;
  readonly message: string;
  /** The document it speaks of; absent: all. */
  readonly uri: string | undefined;
}

/** What answers. */
export interface Model {
  readonly model: string;
  readonly device: string;
}

export const FRAME = 'quicksilver/frame';
export const STATUS = 'quicksilver/status';
export const FILL = 'quicksilver/fill';
export const REWRITE = 'quicksilver/rewrite';
export const DEFINITIONS = 'quicksilver/definitions';
export const FILL_FRAME = 'quicksilver/fillFrame';
/** A command of the server's. */
export const FIND_DOUBTS = 'quicksilver.findDoubts';
/** The server's command, which the editor runs when a suggestion was accepted. */
export const ACCEPTED_COMMAND = 'quicksilver.accepted';

/** Frames per second that the extension draws at most, and asks the server for. */
export const MAX_FPS = 30;

/** What the extension adds to the client capabilities, under `experimental`. */
export function capabilities(frames: boolean): {
  quicksilver: { frames: boolean; maxFps: number; fill: boolean };
} {
  return { quicksilver: { frames, maxFps: MAX_FPS, fill: true } };
}

const RUN_KINDS: readonly string[] = ['masked', 'changed', 'committed'] satisfies RunKind[];
const FRAME_STATES: readonly string[] = ['denoising', 'final', 'cancelled'] satisfies FrameState[];
const STATUS_KINDS: readonly string[] = ['Normal', 'Warning', 'Error', 'Inactive'] satisfies StatusKind[];

type Fields = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function isPosition(value: unknown): boolean {
  return isObject(value) && typeof value['line'] === 'number' && typeof value['character'] === 'number';
}

function isRun(value: unknown): boolean {
  return isObject(value) && typeof value['text'] === 'string' && RUN_KINDS.includes(String(value['kind']));
}

/** `params` as a frame, or undefined when it has not the shape of one. */
export function asFrame(params: unknown): Frame | undefined {
  if (!isObject(params) || !Array.isArray(params['runs']) || !params['runs'].every(isRun)) {
    return undefined;
  }
  const numbers = ['version', 'seq', 'step'].every((name) => typeof params[name] === 'number');
  const state = FRAME_STATES.includes(String(params['state']));
  if (!numbers || !state || typeof params['uri'] !== 'string' || !isPosition(params['position'])) {
    return undefined;
  }
  const steps = typeof params['steps'] === 'number' ? params['steps'] : undefined;
  return { ...(params as unknown as Frame), steps };
}

/** `params` as a status, or undefined when it has not the shape of one. */
export function asStatus(params: unknown): ServerStatus | undefined {
  if (!isObject(params)) {
    return undefined;
  }
  const kind = String(params['kind']);
  return {
    busy: params['busy'] === true,
    kind: STATUS_KINDS.includes(kind) ? (kind as StatusKind) : 'Normal',
    message: typeof params['message'] === 'string' ? params['message'] : '',
    uri: typeof params['uri'] === 'string' ? params['uri'] : undefined,
  };
}

function isRange(value: unknown): boolean {
  return isObject(value) && isPosition(value['start']) && isPosition(value['end']);
}

function listOf(value: unknown, name: string): readonly unknown[] {
  const list = isObject(value) ? value[name] : undefined;
  return Array.isArray(list) ? list : [];
}

/** `params` as the frame of a fill, or undefined when it has not the shape of one. */
export function asFillFrame(params: unknown): FillFrame | undefined {
  const whole = isObject(params) && typeof params['token'] === 'string' && typeof params['seq'] === 'number';
  const isHole = (hole: unknown) => isObject(hole) && isRange(hole['range']) && Array.isArray(hole['runs']) && hole['runs'].every(isRun);
  return whole && Array.isArray(params['holes']) && params['holes'].every(isHole) ? (params as unknown as FillFrame) : undefined;
}

/** The holes that an answer to a fill has. */
export function asFilled(answer: unknown): readonly Filled[] {
  const isHole = (hole: unknown) => isObject(hole) && isRange(hole['range']) && typeof hole['newText'] === 'string';
  return listOf(answer, 'holes').filter(isHole) as Filled[];
}

/** The texts that an answer to a rewriting has; undefined if there is none. */
export function asRewritten(answer: unknown): Rewritten | undefined {
  const texts = listOf(answer, 'texts').filter((text) => typeof text === 'string') as string[];
  const range = isObject(answer) ? answer['range'] : undefined;
  return texts.length > 0 && isRange(range) ? { range: range as Range, texts } : undefined;
}

/** How many names are in doubt. */
export function asDoubts(answer: unknown): number {
  const count = isObject(answer) ? answer['doubts'] : undefined;
  return typeof count === 'number' ? count : 0;
}

/** Why an answer has nothing. */
export function silenceOf(answer: unknown): string {
  const silence = isObject(answer) ? answer['silence'] : undefined;
  const message = isObject(silence) ? silence['message'] : undefined;
  if (answer === undefined) {
    return 'the server is not running';
  }
  return typeof message === 'string' && message !== '' ? message : 'nothing to show';
}

/** The answer to a request for the status as the model it names, or undefined when none is ready. */
export function asModel(answer: unknown): Model | undefined {
  const named = isObject(answer) && typeof answer['model'] === 'string' && typeof answer['device'] === 'string';
  return named ? (answer as unknown as Model) : undefined;
}
