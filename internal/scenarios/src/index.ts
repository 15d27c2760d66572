export { blockHolder } from './block.ts';
export { damageEachByte, type DamageReport } from './faults/damage.ts';
export { failEachCall, failEachImport, killAtEachCall, starve, type FaultReport } from './faults/matrix.ts';
export { storyNames } from './faults/stories.ts';
export { countTogether, type Counted } from './count.ts';
export { registerTogether } from './register.ts';
export { startRotatingServer, type RotatingServer } from './rotating-server.ts';
export { createSandbox, EXPIRED_TOKEN, getTogether, type GetTask, type Pause, type Sandbox } from './sandbox.ts';
export { killWriters } from './writers.ts';
