/** Finds the `quicksilver` executable. Must not start it, nor know the editor. */

import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface Binary {
  readonly path: string;
  readonly source: 'setting' | 'bundled' | 'PATH';
}

/** No executable: what is wrong, and what to do. */
export class BinaryNotFound extends Error {}

const NAME = process.platform === 'win32' ? 'quicksilver.exe' : 'quicksilver';

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/**
 * The executable: the setting, else the one that came with the extension, else the first in `PATH`.
 * @param setting empty: not set
 * @param extension the extension's folder
 * @param searchPath the value of `PATH`
 */
export function findBinary(setting: string, extension: string, searchPath: string, executable = isExecutable): Binary {
  if (setting !== '') {
    if (executable(setting)) {
      return { path: setting, source: 'setting' };
    }
    throw new BinaryNotFound(`the setting "quicksilver.binary" names "${setting}", which is not an executable file`);
  }
  const bundled = join(extension, 'server', NAME);
  if (executable(bundled)) {
    return { path: bundled, source: 'bundled' };
  }
  const folders = searchPath.split(delimiter).filter((folder) => folder !== '');
  const found = folders.map((folder) => join(folder, NAME)).find(executable);
  if (found !== undefined) {
    return { path: found, source: 'PATH' };
  }
  throw new BinaryNotFound('no "quicksilver" executable: install it, or name it in the setting "quicksilver.binary"');
}
