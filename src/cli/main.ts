import { dispatch } from './dispatch.js';
import { processContext } from './process-context.js';

async function main(): Promise<void> {
  const context = processContext();
  const code = await dispatch(process.argv.slice(2), context);
  await context.flush();
  process.exit(code);
}

void main();
