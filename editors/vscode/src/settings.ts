/**
 * The settings' checks: what `package.json` says of a setting is what it takes. Pure functions; must not know the
 * editor.
 */

type Kind = 'boolean' | 'integer' | 'string' | 'array';

/** A setting as `package.json` has it. */
export interface Schema {
  /** One, or several that all do. */
  readonly type: Kind | readonly Kind[];
  readonly default: unknown;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  /** `^WORD$`: that word and no other text. */
  readonly pattern?: string;
}

/** The settings that only the extension has; all others are the server's. */
export const EDITOR_ONLY = ['automatic', 'definitions', 'refinement', 'maskGlyph', 'binary', 'trace.server'];

/** What the setting must be, if `value` is not that. */
export function complaint(schema: Schema, value: unknown): string | undefined {
  if (typeof schema.type !== 'string') {
    const wrong = schema.type.map((type) => complaint({ ...schema, type }, value));
    return wrong.includes(undefined) ? undefined : wrong.join(' or ');
  }
  switch (schema.type) {
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'must be true or false';
    case 'integer': {
      const { minimum = -Infinity, maximum = Infinity } = schema;
      const fits = Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maximum;
      return fits ? undefined : `must be a whole number from ${minimum} to ${maximum}`;
    }
    case 'array': {
      const fits = Array.isArray(value) && value.every((item) => typeof item === 'string' && item !== '');
      return fits ? undefined : 'must be a list of texts, none of them empty';
    }
    case 'string':
      if (schema.pattern && !(typeof value === 'string' && new RegExp(schema.pattern).test(value))) {
        return `must be "${schema.pattern.slice(1, -1)}"`;
      }
      if (typeof value !== 'string') {
        return 'must be a text';
      }
      if (schema.enum && !schema.enum.includes(value)) {
        return `must be one of ${schema.enum.map((choice) => `"${choice}"`).join(', ')}`;
      }
      return value.length < (schema.minLength ?? 0) || value.length > (schema.maxLength ?? Infinity)
        ? 'must be one character'
        : undefined;
  }
}

/** What is wrong, one sentence for each setting. */
export function complaints(schemas: Readonly<Record<string, Schema>>, value: (name: string) => unknown): string[] {
  return Object.entries(schemas).flatMap(([name, schema]) => {
    const wrong = complaint(schema, value(name));
    return wrong === undefined ? [] : [`"${name}" ${wrong}; its default, ${JSON.stringify(schema.default)}, is taken`];
  });
}
