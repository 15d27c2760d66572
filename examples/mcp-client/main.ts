import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { createFetch, type FetchOptions } from '@oa/fetch';
import { createManager } from '@oa/manager';

const manager = createManager({ app: 'example-mcp-client', preset: 'mcp' });

/** Prints why the user could not log in: the SDK says only that the server refused the request. */
const onEvent: FetchOptions['onEvent'] = (event) => {
  if (event.type === 'not_renewed') console.error(event.message);
};

/** Connects to an MCP server. The user logs in where the server asks for it and no token is stored. */
async function connect(url: string): Promise<Client> {
  const fetch = createFetch(manager.source({ resource: url }, {}), { first: 'stored', onEvent });
  const client = new Client({ name: 'example-mcp-client', version: '1.0.0' });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { fetch }));
  return client;
}

// What follows reads the command line and the environment, calls a tool, and prints what happened.

const [tool] = process.argv.slice(2);
const url = process.env.OA_API ?? '';
if (!/^https?:\/\/./.test(url)) {
  console.error(`OA_API ${url === '' ? 'is not set' : 'must be an http or https URL'}. README.md has an example.`);
  process.exit(2);
}

try {
  const client = await connect(url);
  const { tools } = await client.listTools();
  console.log(`Tools: ${tools.map(({ name }) => name).join(', ')}`);
  if (tool !== undefined) {
    const { content } = await client.callTool({ name: tool });
    console.log(`${tool}: ${JSON.stringify(content)}`);
  }
  await client.close();
} catch (error) {
  if (!(error instanceof Error)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
