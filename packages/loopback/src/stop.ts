import type { Interface } from 'node:readline';

/** A terminal whose keys can be read one by one. */
interface RawInput {
  setRawMode(isRaw: boolean): unknown;
  resume(): unknown;
}

/**
 * Lets the user stop the program with Ctrl-Z and continue it with `fg`, in the raw mode of the editor, where Ctrl-Z is only a key.
 *
 * The terminal is in its normal mode while the program is stopped. The key stops the whole process group, as the kernel does: otherwise a
 * wrapper such as npx goes on, and its shell never gets the terminal back.
 */
export function handleStops(editor: Interface, input: NodeJS.ReadableStream): { close(): void } {
  if (process.platform === 'win32' || !isRawInput(input)) return { close: () => undefined };
  /** The terminal may have another mode after the shell has used it, so the mode is set again. */
  const restore = (): void => {
    input.setRawMode(false);
    input.setRawMode(true);
    input.resume();
    editor.prompt(true);
  };
  const stop = (target: number): void => {
    input.setRawMode(false);
    process.off('SIGTSTP', onSignal);
    // Returns after SIGCONT. In a process group that nothing could continue it returns at once.
    process.kill(target, 'SIGTSTP');
    process.on('SIGTSTP', onSignal);
    restore();
  };
  const onSignal = (): void => stop(process.pid);
  const onKey = (): void => stop(0);
  editor.on('SIGTSTP', onKey);
  process.on('SIGTSTP', onSignal);
  process.on('SIGCONT', restore);
  return {
    close() {
      editor.off('SIGTSTP', onKey);
      process.off('SIGTSTP', onSignal);
      process.off('SIGCONT', restore);
    },
  };
}

function isRawInput(input: object): input is RawInput & NodeJS.ReadableStream {
  return 'setRawMode' in input;
}
