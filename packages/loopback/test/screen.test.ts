import { fileURLToPath } from 'node:url';
import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { sourceArguments } from '@oa-internal/testing';
import { hasTmux, startTmux, type Tmux, type TmuxOptions } from '@oa-internal/testing/tmux';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerUrl, followCallback, grantTokens, metadata, sendRequest } from './help.ts';

let scripted: ScriptedServer;
beforeAll(async () => {
  scripted = await startScriptedServer();
  grantTokens(scripted);
});
afterAll(() => scripted.close());

const PROGRAM = fileURLToPath(new URL('programs/screen.ts', import.meta.url));
const PASTE_LINE = 'paste its address here and press Enter.';

/** Starts a login in a terminal that shows another line before it, and returns the URL. */
async function startLogin(task: object = {}, options: Partial<TmuxOptions> = {}): Promise<{ tmux: Tmux; url: string }> {
  const { CI: _, SSH_CONNECTION: _s, TMUX: _t, ...env } = process.env;
  const tmux = startTmux({
    programs: { 'my-tool': [process.execPath, ...sourceArguments, PROGRAM] },
    env: { ...env, BROWSER: '', DISPLAY: '', OA_TASK: JSON.stringify({ server: metadata(scripted), ...task }) },
    ...options,
  });
  await tmux.shows(/^\$/m);
  tmux.run('echo a line before');
  await tmux.shows(/^a line before$/m);
  tmux.run('my-tool login');
  await tmux.shows(PASTE_LINE);
  const [url = ''] = await tmux.shows(/http:\S+redirect_uri=\S+/);
  return { tmux, url };
}

/** Completes the login as the browser of the user does. */
async function answer(url: string, code = 'c'): Promise<void> {
  await followCallback(new URL(answerUrl(url, { code })));
}

/** What a login leaves on the screen. */
function success(): string {
  return `$ echo a line before\na line before\n$ my-tool login\nLogged in at ${new URL(scripted.origin).host}.\n$`;
}

/** Waits for the prompt after the program. */
async function untilEnd(tmux: Tmux): Promise<void> {
  await tmux.shows(/(?:Logged in at|my-tool: )[^$]*\n\$$/);
}

describe.skipIf(!hasTmux())('in a terminal (skipped without tmux)', () => {
  it.each([
    [80, 40],
    [200, 50],
    // The URL is wrapped over many rows.
    [41, 60],
  ])('leaves one line after a login, on a screen of %i columns', async (columns, rows) => {
    const { tmux, url } = await startLogin({}, { columns, rows });
    using _ = tmux;
    await answer(url);
    await untilEnd(tmux);
    expect(tmux.screen()).toBe(success());
  });

  it.each([14, 79, 80])(
    'begins a row of its own, and leaves the row of %i columns that other code has begun',
    async (length) => {
      const before = 'x'.repeat(length);
      const { tmux, url } = await startLogin({ before }, { columns: 80, rows: 40 });
      using _ = tmux;
      await tmux.shows(/^To log in at/m);
      await answer(url);
      await untilEnd(tmux);
      expect(tmux.screen()).toBe(success().replace('my-tool login\n', `my-tool login\n${before}\n`));
    },
  );

  it('leaves one line where the URL is a hyperlink', async () => {
    const program = ['env', 'TERM=xterm-kitty', process.execPath, ...sourceArguments, PROGRAM];
    const { tmux, url } = await startLogin({}, { rows: 40, programs: { 'my-tool': program } });
    using _ = tmux;
    await answer(url);
    await untilEnd(tmux);
    expect(tmux.screen()).toBe(success());
  });

  it('leaves one line after a login at the bottom of the screen, where its texts have scrolled', async () => {
    const { tmux, url } = await startLogin({}, { columns: 80, rows: 16 });
    using _ = tmux;
    await answer(url);
    await untilEnd(tmux);
    expect(tmux.history()).toBe(success());
  });

  it('leaves one line on a screen that is smaller than the texts of the login', async () => {
    const { tmux, url } = await startLogin({}, { columns: 40, rows: 8 });
    using _ = tmux;
    await answer(url);
    await untilEnd(tmux);
    expect(tmux.screen()).toBe(`Logged in at ${new URL(scripted.origin).host}.\n$`);
  });

  it('removes what the user has pasted, with the code in it, and what was said about it', async () => {
    const { tmux, url } = await startLogin({}, { columns: 80, rows: 50 });
    using _ = tmux;
    tmux.run('what?');
    await tmux.shows('That is not the address');
    for (const length of [79, 81, 161]) tmux.run('x'.repeat(length));
    tmux.run(answerUrl(url, { code: `pasted-${'c'.repeat(300)}` }));
    await untilEnd(tmux);
    expect(tmux.screen()).toBe(success());
    expect(scripted.requestsTo('/token').at(-1)?.form.get('code')).toMatch(/^pasted-c{300}$/);
  });

  it('removes nothing after the user has filled a row exactly: the editor may have started a new one', async () => {
    const { tmux, url } = await startLogin({}, { columns: 80, rows: 60 });
    using _ = tmux;
    for (const length of [80, 160]) tmux.run('x'.repeat(length));
    tmux.run('');
    await tmux.shows('That is not the address');
    await answer(url);
    await untilEnd(tmux);
    expect(tmux.history()).toContain(success().slice(0, 50));
    expect(tmux.history()).toContain(`\n${url}\n`);
  });

  it('removes text that the user has typed and not sent', async () => {
    const { tmux, url } = await startLogin({}, { rows: 40 });
    using _ = tmux;
    tmux.paste('y'.repeat(100));
    await tmux.shows('y'.repeat(100));
    await answer(url);
    await untilEnd(tmux);
    expect(tmux.screen()).toBe(success());
  });

  it('keeps what the user is typing below what is printed meanwhile', async () => {
    const { tmux, url } = await startLogin({}, { rows: 40 });
    using _ = tmux;
    tmux.paste('y'.repeat(100));
    await tmux.shows('y'.repeat(100));
    const { origin } = new URL(new URL(url).searchParams.get('redirect_uri') ?? '');
    await sendRequest(`${origin}/other`);
    await tmux.shows(/^Ignored 1 request that did not belong to this login\.\ny{100}$/m);
    tmux.paste('z');
    await tmux.shows(/^y{100}z$/m);
    await answer(url);
    await untilEnd(tmux);
    expect(tmux.screen()).toBe(success());
  });

  it.each(['stdout', 'stderr'])('removes nothing after other code has written to %s', async (write) => {
    const { tmux, url } = await startLogin({ write }, { rows: 40 });
    using _ = tmux;
    await tmux.shows('a line of other code');
    const before = tmux.screen();
    await answer(url);
    await untilEnd(tmux);
    expect(tmux.screen()).toBe(`${before}\nLogged in at ${new URL(scripted.origin).host}.\n$`);
  });

  it('removes nothing after the terminal was resized: it may have wrapped its rows anew', async () => {
    const { tmux, url } = await startLogin({}, { columns: 100, rows: 40 });
    using _ = tmux;
    tmux.resize(60, 40);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await answer(url);
    await untilEnd(tmux);
    expect(tmux.history()).toContain(`\n${url}\n`);
    expect(tmux.history()).toContain(success().slice(0, 50));
  });

  it('removes nothing after the program was stopped: the shell has written, too', async () => {
    const { tmux, url } = await startLogin({}, { rows: 40 });
    using _ = tmux;
    tmux.press('C-z');
    await tmux.shows(/Stopped/);
    tmux.run('echo a line of the shell');
    await tmux.shows(/^a line of the shell$/m);
    tmux.run('fg');
    await tmux.shows(/^\$ fg\n[^$]*my-tool/m);
    await answer(url);
    await untilEnd(tmux);
    for (const line of [url, 'a line of the shell']) expect(tmux.history()).toContain(`\n${line}\n`);
  });

  it('removes nothing after the user typed characters whose width depends on the terminal', async () => {
    const { tmux, url } = await startLogin({}, { rows: 40 });
    using _ = tmux;
    tmux.run('\u{1F600}\u{1F600}');
    await tmux.shows('That is not the address');
    await answer(url);
    await untilEnd(tmux);
    expect(tmux.history()).toContain(`\n${url}\n`);
  });

  it.each(['dumb', ''])(
    'writes no escape sequence to a terminal that is not known to read any (TERM=%s)',
    async (TERM) => {
      const program = ['env', `TERM=${TERM}`, process.execPath, ...sourceArguments, PROGRAM];
      const { tmux, url } = await startLogin({}, { rows: 40, programs: { 'my-tool': program } });
      using _ = tmux;
      const before = tmux.screen();
      await answer(url);
      await untilEnd(tmux);
      expect(tmux.screen()).toBe(`${before}\nLogged in at ${new URL(scripted.origin).host}.\n$`);
    },
  );

  it('removes nothing that the print of the program has shown', async () => {
    const { tmux, url } = await startLogin({ print: true }, { rows: 40 });
    using _ = tmux;
    const before = tmux.screen();
    await answer(url);
    await untilEnd(tmux);
    expect(tmux.screen()).toBe(`${before}\nLogged in at ${new URL(scripted.origin).host}.\n$`);
  });

  it('shows the URL and the reason after a login that has failed, below what the user has typed', async () => {
    const { tmux, url } = await startLogin({}, { rows: 40 });
    using _ = tmux;
    tmux.paste('half');
    await tmux.shows(/^half$/m);
    await followCallback(new URL(answerUrl(url, { error: 'access_denied' })));
    await untilEnd(tmux);
    expect(tmux.history()).toMatch(/\nhalf\nmy-tool: The login was denied/);
    expect(tmux.history()).toContain(`\n${url}\n`);
  });
});
