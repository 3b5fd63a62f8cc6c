// Run by lifecycle.test.ts in a process of its own, which is then killed.
import { BusyboxBoxes } from './busybox-box.js';

const marker = process.argv[2] ?? '';
const boxes = new BusyboxBoxes();
for (const init of [false, true]) {
  await boxes.start(boxes.spec(['sh', '-c', `sleep ${marker} & sleep ${marker}`], { init }));
}
// Every process of the boxes runs before the parent is told.
const { setTimeout: sleep } = await import('node:timers/promises');
await sleep(100);
process.stdout.write(`${boxes.base}\n`);
