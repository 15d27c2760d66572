import { toErrorText } from '@oa/types/rfc';
import { openInBrowser } from './browser.ts';
import { browserHint, hasScreen, readEnvironment } from './environment.ts';
import type { PendingLogin } from './wait.ts';

/** The longest name of a program that is shown. */
const MAX_PROGRAM_CHARACTERS = 200;

/** Opens the URL as the options say. If that fails, an event tells the user how to open it on this kind of machine. */
export async function openLoginUrl(
  url: string,
  login: Pick<PendingLogin, 'receiver' | 'options' | 'emit'>,
  { isWaiting, canPaste }: { isWaiting: () => boolean; canPaste: () => boolean },
): Promise<void> {
  const { openBrowser = true } = login.options;
  const environment = readEnvironment();
  const onFailure = (programs: string[] = []): void => {
    if (!isWaiting()) return;
    const failed =
      programs.length === 0
        ? ''
        : `BROWSER could not open the URL (tried ${programs.map((each) => toErrorText(each, MAX_PROGRAM_CHARACTERS)).join(', ')}). `;
    const hint = failed + browserHint(environment, new URL(login.receiver.redirect_uri), canPaste());
    login.emit({ type: 'browser_unavailable', hint });
  };
  if (typeof openBrowser === 'function') await callOpener(openBrowser, url, onFailure);
  else if (openBrowser && hasScreen(environment))
    await openInBrowser(url, onFailure, () => !isWaiting() || login.receiver.isOpened());
  else if (openBrowser) onFailure();
}

/** A failure of the caller's function does not end the login: the user still has the URL. */
async function callOpener(open: (url: string) => unknown, url: string, onFailure: () => void): Promise<void> {
  try {
    await open(url);
  } catch {
    onFailure();
  }
}
