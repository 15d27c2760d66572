/** A text of random length that says itself what it must be. */
export function versionText(): string {
  const length = 1 + Math.floor(Math.random() * 20_000);
  const letter = String.fromCodePoint(97 + Math.floor(Math.random() * 26));
  return JSON.stringify({ length, letter, body: letter.repeat(length) });
}

export function isWhole(text: string): boolean {
  try {
    const { length, letter, body } = JSON.parse(text) as { length: number; letter: string; body: string };
    return body === letter.repeat(length);
  } catch {
    return false;
  }
}
