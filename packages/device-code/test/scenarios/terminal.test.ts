import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { startAuthorizationServer } from '@oa-internal/authorization-server';
import { sourceArguments } from '@oa-internal/testing';
import { expect, it, vi } from 'vitest';

// Linux only: util-linux's `script` is the pseudo-terminal.
it.skipIf(process.platform !== 'linux')(
  'shows code and QR code in a terminal, and the program ends after the user approved (RFC 8628 section 3.3.1, Linux only)',
  async () => {
    await using real = await startAuthorizationServer();
    const program = fileURLToPath(new URL('program.ts', import.meta.url));
    const child = spawn(
      'script',
      ['-qefc', `stty cols 100; exec '${process.execPath}' ${sourceArguments.join(' ')} '${program}'`, '/dev/null'],
      {
        stdio: ['pipe', 'pipe', 'inherit'],
        env: { ...process.env, TERM: 'xterm', OA_ISSUER: real.issuer, OA_CLIENT: JSON.stringify(real.public) },
      },
    );
    let said = '';
    child.stdout.on('data', (chunk) => (said += String(chunk)));
    const exit = new Promise((resolve) => {
      child.once('close', resolve);
    });
    await vi.waitFor(() => expect(said).toContain('(or enter it at'), { timeout: 20_000 });
    const uri = /http\S+user_code=[A-Z-]{9}/.exec(said)?.[0] ?? '';
    expect(said).toContain('\u001B[97;40m');
    expect(said).toMatch(/    [A-Z]{4}-[A-Z]{4}\r\n/);
    await real.approveDevice(uri);
    expect(await exit).toBe(0);
    expect(said).toContain('GRANTED read');
  },
);
