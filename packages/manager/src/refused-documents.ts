import { join } from 'node:path';
import { isObject, parseJson, setBounded } from '@oa/mechanisms';
import { readPrivate, withLock, writePrivate } from '@oa/private-file';
import { attempt } from '@oa/types';

/**
 * The servers that have lately not accepted the client metadata document of the program. A server that can't use one shows an error page,
 * and each run of a program would wait for the timeout of its login.
 */
export interface RefusedDocuments {
  has: (issuer: string, url: string) => Promise<boolean>;
  add: (issuer: string, url: string) => Promise<void>;
  /** Forgets what is remembered of the issuer. */
  remove: (issuer: string) => Promise<void>;
}

/** What is remembered of one issuer. */
interface RefusedDocument {
  /** The document that was refused. Another one may be accepted. */
  url: string;
  /** Milliseconds since the epoch. */
  until: number;
}

/** The document may be corrected, or the user may only have left. */
const REFUSED_DOCUMENT_PAUSE_MS = 86_400_000;
const MAX_REFUSED_DOCUMENTS = 100;

/**
 * Keeps them in one private file for all processes. What can't be written is in memory.
 *
 * @param directory the directory of the file. Without it they are in memory only.
 * @param now milliseconds since the epoch
 */
export function createRefusedDocuments(directory: string | undefined, now: () => number): RefusedDocuments {
  const memory = new Map<string, RefusedDocument>();
  const file = directory && join(directory, 'refused-documents.json');

  // A time far in the future was written before the clock was set back.
  const isDue = ({ until }: RefusedDocument): boolean => until > now() && until <= now() + REFUSED_DOCUMENT_PAUSE_MS;

  async function read(path: string): Promise<Map<string, RefusedDocument>> {
    const content = parseJson((await readPrivate(path)) ?? '{}');
    const entries = isObject(content) ? Object.entries(content) : [];
    return new Map(
      entries.filter((entry): entry is [string, RefusedDocument] => isRefusedDocument(entry[1]) && isDue(entry[1])),
    );
  }

  /** Another process may change the file later. So what is in it is not kept in memory too. */
  async function change(issuer: string, edit: (documents: Map<string, RefusedDocument>) => void): Promise<void> {
    const written = await attempt(changeFile(edit));
    if (written.ok && written.value) memory.delete(issuer);
    else edit(memory);
  }

  /** @returns whether there is a file */
  async function changeFile(edit: (documents: Map<string, RefusedDocument>) => void): Promise<boolean> {
    if (file === undefined) return false;
    await withLock(file, async () => {
      const documents = await read(file);
      edit(documents);
      await writePrivate(file, `${JSON.stringify(Object.fromEntries(documents), undefined, 2)}\n`);
    });
    return true;
  }

  async function find(issuer: string): Promise<RefusedDocument | undefined> {
    const remembered = memory.get(issuer);
    if (remembered !== undefined || file === undefined) return remembered;
    const stored = await attempt(read(file));
    return stored.ok ? stored.value.get(issuer) : undefined;
  }

  return {
    async has(issuer, url) {
      const found = await find(issuer);
      return found !== undefined && found.url === url && isDue(found);
    },
    add: (issuer, url) =>
      change(issuer, (documents) => {
        const until = now() + REFUSED_DOCUMENT_PAUSE_MS;
        setBounded(documents, issuer, { url, until }, MAX_REFUSED_DOCUMENTS);
      }),
    async remove(issuer) {
      if ((await find(issuer)) !== undefined) await change(issuer, (documents) => void documents.delete(issuer));
    },
  };
}

function isRefusedDocument(value: unknown): value is RefusedDocument {
  return isObject(value) && typeof value['url'] === 'string' && typeof value['until'] === 'number';
}
