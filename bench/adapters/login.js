// What the adapters whose peer does not open the browser do by hand, as the documentation of those peers leaves it to their caller.
const { writeSync } = process.getBuiltinModule('node:fs');

/** Tells the process that measures, which stands for the browser, to open a URL. */
export function openBrowser(url) {
  writeSync(1, `open ${url}\n`);
}

/** Listens for one callback on a free port of the loopback interface. */
export async function listen() {
  const { createServer } = process.getBuiltinModule('node:http');
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  const callback = new Promise((resolve) => {
    server.once('request', (request, response) => {
      response.setHeader('connection', 'close');
      response.end('You are logged in.');
      server.close();
      resolve(new URL(request.url, origin));
    });
  });
  return { redirectUri: `${origin}/callback`, callback };
}
