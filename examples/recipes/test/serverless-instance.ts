// One instance of the function of serverless.ts: it runs the handler once for each line of its input, as a platform does for each call.
import { createInterface } from 'node:readline';
import { handler } from '../serverless.ts';

async function call(): Promise<void> {
  console.log(`answer: ${JSON.stringify(await handler())}`);
}

createInterface({ input: process.stdin }).on('line', () => void call());
