/** A text of random length that describes its own content. */
export function createVersion(): string {
  const length = 1 + Math.floor(Math.random() * 20_000);
  const letter = String.fromCodePoint(97 + Math.floor(Math.random() * 26));
  return JSON.stringify({ length, letter, body: letter.repeat(length) });
}

/** Whether `text` is a complete version. */
export function isWhole(text: string): boolean {
  try {
    const { length, letter, body } = JSON.parse(text) as { length: number; letter: string; body: string };
    return body === letter.repeat(length);
  } catch {
    return false;
  }
}
