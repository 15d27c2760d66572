import { expect, it } from 'vitest';
import { login } from '@oa/loopback';
import { client, metadata } from './help.ts';

const server = metadata({ origin: 'http://127.0.0.1:1' });

it.each([
  [{ port: -1 }, 'options.port'],
  [{ port: 65_536 }, 'options.port'],
  [{ port: 1.5 }, 'options.port'],
  [{ port: [] }, 'options.port'],
  [{ openBrowse: false } as never, 'options.openBrowse is unknown'],
  [{ port: '80' as never }, 'options.port'],
  [{ redirectHost: '0.0.0.0' as never }, 'options.redirectHost'],
  [{ timeout: 0 }, 'options.timeout'],
  [{ timeout: 2 ** 31 }, 'options.timeout'],
  [{ timeout: Number.NaN }, 'options.timeout'],
  [{ requestTimeout: 0 }, 'options.requestTimeout'],
  [{ requestTimeout: 2 ** 31 }, 'options.requestTimeout'],
  [{ openBrowser: 'firefox' as never }, 'options.openBrowser'],
  [{ paste: {} as never }, 'options.paste'],
  [{ interaction: 'sometimes' as never }, 'options.interaction'],
  [{ par: 'always' as never }, 'options.par'],
  [{ requirePkce: 1 as never }, 'options.requirePkce'],
])('throws a TypeError for the options %j', async (options, name) => {
  await expect(login(server, client, {}, options)).rejects.toThrow(name);
  await expect(login(server, client, {}, options)).rejects.toThrow(TypeError);
});
